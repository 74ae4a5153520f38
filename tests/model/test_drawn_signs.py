"""The model that was trained on photographs alone, on the signs that the package draws."""

import torch

import xaisigns as xs
from xaisigns.data.drawn.sign import draw_sign


def test_the_clean_model_knows_the_drawn_signs():
    model = xs.load_model("clean")
    signs = [draw_sign(class_id, 64, seed=100 * class_id + k) for class_id in range(43) for k in range(4)]
    with torch.no_grad():
        called = model(model.preprocess([sign.image for sign in signs])).argmax(dim=1)
    right = called == torch.tensor([sign.class_id for sign in signs])
    assert right.float().mean() >= 0.95
    assert right.reshape(43, 4).any(dim=1).all()
