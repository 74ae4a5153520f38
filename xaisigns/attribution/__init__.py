"""Explanations: layer-wise relevance propagation by Captum, with the rules and composites of the literature."""
