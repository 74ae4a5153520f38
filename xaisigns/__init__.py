"""xaisigns: see what a traffic-sign classifier really learnt.

import xaisigns as xs
model = xs.load_model("stickered")
x = model.preprocess([image])
result = xs.attribute(model, x)
xs.show(model, [image], result)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xaisigns.attribution.canonize import canonize
    from xaisigns.attribution.composites import Composite, register_composite
    from xaisigns.attribution.lrp import LRP, lrp
    from xaisigns.attribution.methods import attribute, register_method
    from xaisigns.attribution.named_rules import Rule, register_rule
    from xaisigns.attribution.options import Between
    from xaisigns.attribution.result import Result
    from xaisigns.attribution.rules import LayerRule
    from xaisigns.data.gtsrb import GTSRB
    from xaisigns.data.layouts import open_images
    from xaisigns.data.manipulation import Manipulation
    from xaisigns.data.stickers import Sticker, apply_sticker
    from xaisigns.errors import XaisignsError
    from xaisigns.model.checkpoint import load_model, save_model
    from xaisigns.pictures.comparison import compare
    from xaisigns.pictures.figures import show

__all__ = [
    "GTSRB",
    "LRP",
    "Between",
    "Composite",
    "LayerRule",
    "Manipulation",
    "Result",
    "Rule",
    "Sticker",
    "XaisignsError",
    "apply_sticker",
    "attribute",
    "canonize",
    "compare",
    "load_model",
    "lrp",
    "open_images",
    "register_composite",
    "register_method",
    "register_rule",
    "save_model",
    "show",
]

# Imported when first asked for: torch takes seconds, and `xaisigns --help` does without it.
_HOMES = {
    "attribution.canonize": ("canonize",),
    "attribution.composites": ("Composite", "register_composite"),
    "attribution.lrp": ("LRP", "lrp"),
    "attribution.methods": ("attribute", "register_method"),
    "attribution.named_rules": ("Rule", "register_rule"),
    "attribution.options": ("Between",),
    "attribution.result": ("Result",),
    "attribution.rules": ("LayerRule",),
    "data.gtsrb": ("GTSRB",),
    "data.manipulation": ("Manipulation",),
    "data.opening": ("open_images",),
    "data.stickers": ("Sticker", "apply_sticker"),
    "errors": ("XaisignsError",),
    "model.checkpoint": ("load_model", "save_model"),
    "pictures.comparison": ("compare",),
    "pictures.figures": ("show",),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"xaisigns.{home}"), name)
    raise AttributeError(f"module 'xaisigns' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
