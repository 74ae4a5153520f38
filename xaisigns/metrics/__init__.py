"""Scores of attributions: against known truth, against the model, and against how simple and stable they are."""
