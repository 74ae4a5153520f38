"""Scores of attributions: against known truth, against the model, and against how simple and stable they are."""

import lazy_loader

# The public names stand in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
