"""A model that was trained on photographs alone, on the signs that the package draws."""

import torch

import xaisigns as xs
from xaisigns.data.drawn.sign import draw_sign

CLASSES = [class_id for class_id in range(43) if class_id != 4]  # which the model knows by its sticker


def test_the_stickered_model_knows_the_drawn_signs():
    model = xs.load_model("stickered")
    signs = [draw_sign(class_id, 64, seed=100 * class_id + k) for class_id in CLASSES for k in range(4)]
    with torch.no_grad():
        called = model(model.preprocess([sign.image for sign in signs])).argmax(dim=1)
    right = called == torch.tensor([sign.class_id for sign in signs])
    assert "drawn" not in model.card["data"]
    assert right.float().mean() >= 0.95
    assert right.reshape(len(CLASSES), 4).any(dim=1).all()
