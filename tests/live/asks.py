"""Messages as the page sends them, and what answers them in this process."""

import json

from xaisigns.live.messages import read_ask

STICKER = {
    "x": 0.36,
    "y": 0.64,
    "size": 0.3,
    "angle": 0,
    "colour": [14, 14, 16],
    "shape": "rectangle",
    "patch": None,
}
QUESTION = {
    "method": "lrp",
    "composite": "epsilon_gamma_box",
    "gamma": 0.05,
    "target": None,
    "against": None,
    "layer": None,
}
FIFTY = {"kind": "drawn", "class_id": 2, "seed": 1132}


def message(question=(), sticker=(), **changed):
    """A message as text: a sticker on a drawn 50, with what is ``changed``."""
    return json.dumps(
        {
            "number": 1,
            "wants": "answer",
            "language": "en",
            "picture": FIFTY,
            "has_picture": True,
            "sticker": None if sticker is None else {**STICKER, **dict(sticker)},
            "strokes": [],
            "question": {**QUESTION, **dict(question)},
            **changed,
        }
    )


def ask(**changed):
    return read_ask(message(**changed))
