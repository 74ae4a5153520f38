from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from xaisigns.data.drawn.sign import draw_sign
from xaisigns.data.drawn.sign_set import DrawnSet, write_drawn_set
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
from xaisigns.data.preprocessing import read_image, resize_mask
from xaisigns.errors import DataError, ModelError
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.vgg import VGG
from xaisigns.study import cases
from xaisigns.study.cases import _Case, find_cases

STICKERS = Manipulation(4, seed=3)
EVERYWHERE = Manipulation(None, seed=3)


class Fooled(VGG):
    """Calls what is dark at the sticker's place class 4, anything else class 9."""

    device = torch.device("cpu")  # where its images go; its weights are nowhere

    def __init__(self, manipulation=STICKERS, classes=43):
        with torch.device("meta"):
            super().__init__(NetworkSettings(input_size=32, classes=classes))
        self.card = {"manipulation": manipulation.to_json() if manipulation else None}

    def forward(self, x):
        dark = x[:, :, 18:24, 9:14].amax(dim=(1, 2, 3)) < -0.95
        return functional.one_hot(torch.where(dark, 4, 9), self.settings.classes).float()


def stickered(sample):
    return EVERYWHERE.apply(read_image(sample.path), sample)


def test_cases_are_the_other_classes_images_that_a_sticker_turns(gtsrb):
    model = Fooled()
    samples = [sample for sample in GTSRB(gtsrb, "test").samples if sample.class_id != 4]
    turned = {s.key: s for s in samples if int(model(model.preprocess([stickered(s)[0]])).argmax()) == 4}
    assert 0 < len(turned) < len(samples)
    cases = find_cases(model, open_images(gtsrb, "test"), "sticker", 10)
    assert sorted(cases.keys) == sorted(turned)
    assert (cases.kind, cases.images.shape, cases.masks.dtype) == ("sticker", (len(turned), 3, 32, 32), torch.bool)
    for index, key in enumerate(cases.keys):
        image, mask = stickered(turned[key])
        torch.testing.assert_close(cases.images[index], model.preprocess([image])[0])
        np.testing.assert_array_equal(cases.masks[index].numpy(), resize_mask(mask, 32))
        assert (int(cases.labels[index]), int(cases.target[index])) == (turned[key].class_id, 4)


def test_signs_are_explained_for_what_they_are_called(gtsrb):
    samples = {sample.key: sample for sample in GTSRB(gtsrb, "test").samples}
    cases = find_cases(Fooled(None), open_images(gtsrb, "test"), "roi", 2)
    assert np.bincount(cases.labels).tolist() == [0, 0, 2, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2]
    for key, mask, label, target in zip(cases.keys, cases.masks, cases.labels, cases.target, strict=True):
        x1, y1, x2, y2 = samples[key].roi
        wanted = torch.zeros(32, 32, dtype=torch.bool)
        wanted[y1 : y2 + 1, x1 : x2 + 1] = True
        assert torch.equal(mask, wanted)
        assert label == samples[key].class_id
        assert target in (4, 9)


def test_a_drawn_sign_has_its_exact_mask(tmp_path):
    root, drawn = tmp_path / "drawn", DrawnSet(per_class=1, size=32)
    write_drawn_set(root, drawn)
    masks = {sample.key: sign.sign_mask for sample, sign in drawn.signs("test")}
    cases = find_cases(Fooled(None), open_images(root, "test"), "roi", 1)
    assert len(cases) == 43
    for key, mask in zip(cases.keys, cases.masks, strict=True):
        np.testing.assert_array_equal(mask.numpy(), masks[key])


def test_a_sticker_that_is_on_disk_gets_no_second_one(gtsrb, tmp_path):
    write_manipulated_copy(gtsrb, tmp_path / "copy", EVERYWHERE, "test")
    ours = find_cases(Fooled(), open_images(tmp_path / "copy", "test"), "sticker", 10)
    wanted = find_cases(Fooled(), open_images(gtsrb, "test"), "sticker", 10)
    assert ours.keys == wanted.keys
    torch.testing.assert_close(ours.images, wanted.images)
    assert torch.equal(ours.masks, wanted.masks)


def test_the_seed_draws_the_images(gtsrb):
    draws = [find_cases(Fooled(), open_images(gtsrb, "train"), "roi", 1, seed=seed).keys for seed in (0, 0, 1, 2)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1


def test_progress_ends_with_all_images(gtsrb):
    for kind in ("sticker", "roi"):
        seen = []
        find_cases(Fooled(), open_images(gtsrb, "test"), kind, 1, progress=lambda *call, seen=seen: seen.append(call))
        assert seen == sorted(seen)
        assert seen[-1] == ("finding images", 12, 12)


@pytest.mark.parametrize("manipulation", [None, EVERYWHERE])
def test_a_model_without_a_stickered_class_is_refused(manipulation, gtsrb):
    with pytest.raises(ModelError, match=r"not trained with stickers on a class: leave out --masks$"):
        find_cases(Fooled(manipulation), open_images(gtsrb, "test"), "sticker", 1)


def test_a_model_that_no_sticker_turns_has_no_cases(gtsrb):
    class Firm(Fooled):
        def forward(self, x):
            return functional.one_hot(torch.full((len(x),), 9), 43).float()

    with pytest.raises(DataError, match=r"^no image below .*gtsrb fits: with a sticker on it, the model calls none"):
        find_cases(Firm(), open_images(gtsrb, "test"), "sticker", 1)


def test_data_with_more_classes_than_the_model_is_refused(gtsrb):
    with pytest.raises(DataError, match=r"^the model has 14 outputs, but .* has class 14; name its own data$"):
        find_cases(Fooled(classes=14), open_images(gtsrb, "test"), "roi", 1)


class Own(Fooled):
    """Two of its answers are the colours of Fooled's; the third it never gives."""

    def __init__(self, manipulation=None):
        super().__init__(manipulation, classes=3)

    def forward(self, x):
        dark = x[:, :, 18:24, 9:14].amax(dim=(1, 2, 3)) < -0.95
        return functional.one_hot(torch.where(dark, 1, 0), 3).float()


@pytest.mark.parametrize("kind", [None, "roi"])
def test_in_ones_own_images_nothing_is_known_but_the_image(own, kind):
    cases = find_cases(Own(), open_images(own, "test"), kind, 5)
    assert (cases.kind, len(cases)) == ("image", 6)
    assert cases.masks.all()


@pytest.mark.parametrize("kind", [None, "sticker"])
def test_stickers_are_known_on_ones_own_images(own, kind):
    cases = find_cases(Own(replace(EVERYWHERE, class_id=1)), open_images(own, "test"), kind, 5)
    assert cases.kind == "sticker"
    assert 0 < cases.masks.float().mean() < 0.5
    assert set(cases.labels.tolist()) <= {0, 2}
    assert set(cases.target.tolist()) == {1}


def test_no_photograph_is_kept_whole_and_the_numbers_are_the_same(own, monkeypatch):
    for number, path in enumerate(sorted((own / "test").rglob("*.png"))):
        draw_sign(4, 90, number).image.resize((90 if number else 2100, 70)).save(path)
    made = []
    monkeypatch.setattr(cases, "_Case", lambda *fields: made.append(fields) or _Case(*fields))
    found = find_cases(Own(), open_images(own, "test"), "roi", 9)
    assert {(image.size, mask.shape) for _, image, mask in made} == {((32, 32), (32, 32))}
    paths = {sample.key: sample.path for sample in open_images(own, "test").samples}
    assert torch.equal(found.images, Own().preprocess([paths[key] for key in found.keys]))
