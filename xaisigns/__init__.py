"""xaisigns: see what a traffic-sign classifier really learnt.

import xaisigns as xs
model = xs.load_model("stickered")
x = model.preprocess([image])
result = xs.attribute(model, x)
xs.show(model, [image], result)
"""

import lazy_loader

# The public names stand in __init__.pyi. Each is imported when it is first asked for: torch takes seconds, and
# `xaisigns --help` does without it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
