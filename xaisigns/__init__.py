"""xaisigns: see what a traffic-sign classifier really learnt.

import xaisigns as xs
model = xs.load_model("stickered")
x = model.preprocess([image])
result = xs.attribute(model, x)
xs.show(model, [image], result)
"""

from xaisigns.attribution.canonize import canonize
from xaisigns.attribution.composites import Rule
from xaisigns.attribution.lrp import LRP, lrp
from xaisigns.attribution.result import Result, attribute
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.stickers import Sticker, apply_sticker
from xaisigns.errors import XaisignsError
from xaisigns.model.checkpoint import load_model, save_model
from xaisigns.report.figures import show

__all__ = [
    "GTSRB",
    "LRP",
    "Manipulation",
    "Result",
    "Rule",
    "Sticker",
    "XaisignsError",
    "apply_sticker",
    "attribute",
    "canonize",
    "load_model",
    "lrp",
    "save_model",
    "show",
]
