"""How pictures become images, and what a model tells beyond a bare module."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import xaisigns as xs
from xaisigns.errors import ModelError, ShapeError
from xaisigns.model.checkpoint import load_model
from xaisigns.model.explainable import Preprocessing, is_explainable, module_of
from xaisigns.pictures.explanation import Explaining, explain_files


def test_a_preprocessing_that_cannot_be():
    with pytest.raises(ModelError, match=r"^std: wanted three numbers .*, got \(0\.2, 0\.0, 0\.2\)"):
        Preprocessing(64, (0, 0, 0), (0.2, 0.0, 0.2))


@pytest.mark.parametrize(
    ("size", "mean", "std"),
    [
        (64, (86.8, 79.6, 82.0), (69.5, 66.5, 68.1)),
        (64, (float("nan"),) * 3, (0.2, 0.2, 0.2)),
        (64, (0.3, 0.3, 0.3), (float("nan"),) * 3),
        (64, (0.3, 0.3, 0.3), (1e-9, 0.2, 0.2)),
        (100_000, (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)),
        (31, (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)),
        ("64", (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)),
        (64, (0.3, 0.3), (0.2, 0.2, 0.2)),
        (64, "0.3,0.3,0.3", (0.2, 0.2, 0.2)),
        (64, (0.3, 0.3, 10**5000), (0.2, 0.2, 0.2)),
    ],
)
def test_what_no_pixels_have_is_refused(size, mean, std):
    with pytest.raises(ModelError, match=r"^(mean|std|input_size): wanted .*, got "):
        Preprocessing(size, mean, std)


def test_numbers_of_numpy_and_lists_will_do():
    told = Preprocessing(np.int64(64), np.array([0.1, 0.2, 0.3]), [1, 0.5, 1 / 255])
    assert told == Preprocessing(64, (0.1, 0.2, 0.3), (1.0, 0.5, 1 / 255))
    assert {type(value) for value in (told.input_size, *told.mean)} == {int, float}


def test_bounds_are_what_black_and_white_pictures_become():
    preparing = Preprocessing(32, (0.3, 0.4, 0.5), (0.2, 0.25, 0.3))
    pictures = [Image.new("RGB", (40, 50), colour) for colour in ("black", "white")]
    batch = preparing.batch(pictures)
    assert (batch.shape, batch.dtype) == ((2, 3, 32, 32), torch.float32)
    for image, bound in zip(batch, preparing.bounds, strict=True):
        assert bound.shape == (1, 3, 1, 1)
        torch.testing.assert_close(image, bound[0].expand(3, 32, 32))


def test_no_picture_is_refused():
    with pytest.raises(ShapeError, match=r"^at least one picture is wanted, got none$"):
        Preprocessing(32, (0.3, 0.4, 0.5), (0.2, 0.25, 0.3)).batch([])


def test_pictures_become_images_by_the_preprocessing_alone(untrained, gtsrb, tmp_path):
    """Else a model whose own preprocess does more would be explained on other images than it is evaluated on."""

    def another(_):
        raise AssertionError("it is for the model's callers")

    model, sign = xs.load_model(untrained), xs.open_images(gtsrb, "test").samples[0].path
    model.preprocess = another
    assert explain_files(model, [sign], tmp_path, Explaining("edges"))["skipped"] == []
    xs.compare(model, [sign], "edges")
    xs.score(model, gtsrb, "edges", metrics="complexity", masks="roi", per_class=1)
    xs.report(model, gtsrb, html=tmp_path / "report.html", methods="lrp:epsilon,edges", classes=[14], examples=1)


class _Wrapped:
    """A model that is no module, and has one."""

    preprocessing = Preprocessing(32, (0.3, 0.4, 0.5), (0.2, 0.25, 0.3))

    def __init__(self, module):
        self.module = module


def test_a_bare_module_is_its_own_network_and_tells_nothing_more(untrained):
    bare, model = nn.Linear(2, 2), load_model(untrained)
    assert module_of(bare) is bare
    assert module_of(_Wrapped(bare)) is bare
    assert [is_explainable(one) for one in (bare, None, _Wrapped(bare), model)] == [False, False, True, True]
