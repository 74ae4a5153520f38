import shutil

import numpy as np
import pytest
from PIL import Image

import xaisigns as xs
from xaisigns.data.decoded import decode
from xaisigns.study.attributions import ahead
from xaisigns.study.attributions.ahead import decoded_ahead
from xaisigns.study.cases import find_cases

BATCHES = [range(5), range(5, 6), range(6, 12)]


def test_pixels_are_those_that_are_decoded_elsewhere(data):
    found = list(decoded_ahead(data, 32, BATCHES))
    assert [batch.places for batch in found] == BATCHES
    assert [batch.read for batch in found] == [list(places) for places in BATCHES]
    assert (np.concatenate([batch.pixels for batch in found]) == decode(data, 32)).all()


def test_masks_are_those_of_cases(data, model):
    masks = np.concatenate([batch.masks for batch in decoded_ahead(data, 32, BATCHES)])
    cases = find_cases(model, data, "roi", 3)
    places = [[sample.key for sample in data.samples].index(key) for key in cases.keys]
    assert (masks[places] == cases.masks.numpy()).all()


def test_without_boxes_there_are_no_masks(own):
    data = xs.open_images(own, "test")
    (batch,) = decoded_ahead(data, 32, [range(len(data))])
    assert batch.masks is None


def test_what_cannot_be_read_is_told_and_the_rest_is_there(data):
    data.samples[1].path.write_bytes(b"")
    data.samples[2].path.unlink()
    first, second = decoded_ahead(data, 32, [range(3), range(3, 6)])
    assert (first.read, second.read) == ([0], [3, 4, 5])
    assert (len(first.pixels), len(first.masks)) == (1, 1)
    assert list(first.errors) == [1, 2]
    assert first.errors[1] == f"{data.samples[1].path} cannot be read as an image: the file is empty"
    for place in range(3, 6):
        data.samples[place].path.unlink()
    (none,) = decoded_ahead(data, 32, [range(3, 6)])
    assert (none.read, none.pixels.shape, none.masks) == ([], (0, 32, 32, 3), None)


def test_large_images_are_decoded_one_at_a_time(own, monkeypatch):
    data = xs.open_images(own, "test")
    Image.new("RGB", (1500, 1500), "red").save(data.samples[0].path)
    for sample in data.samples[1:3]:
        shutil.copy(data.samples[0].path, sample.path)
    decoding, most = [], []
    real = ahead._decoded

    def watched(data, sample, size, **more):
        large = sample in data.samples[:3]
        decoding.extend([1] if large else [])
        most.append(len(decoding))
        found = real(data, sample, size, **more)
        if large:
            decoding.pop()
        return found

    monkeypatch.setattr(ahead, "_decoded", watched)
    (batch,) = decoded_ahead(data, 32, [range(len(data))])
    assert len(batch.read) == len(data)
    assert max(most) == 1


def test_only_a_few_batches_are_decoded_before_they_are_asked_for(data, monkeypatch):
    asked = []
    real = ahead._decoded

    def heard(data, sample, size, **more):
        asked.append(sample)
        return real(data, sample, size, **more)

    monkeypatch.setattr(ahead, "_decoded", heard)
    batches = decoded_ahead(data, 32, [range(place, place + 1) for place in range(12)])
    next(batches)
    batches.close()
    assert len(asked) <= ahead._AHEAD + 1


def test_a_box_beyond_its_image_is_an_error_of_that_image(data):
    Image.new("RGB", (8, 8), "red").save(data.samples[0].path)
    (batch,) = decoded_ahead(data, 32, [range(2)])
    assert batch.read == [1]
    assert "its table tells" in batch.errors[0]


@pytest.mark.parametrize("size", [16, 48])
def test_images_have_the_wanted_size(data, size):
    (batch,) = decoded_ahead(data, size, [range(2)])
    assert batch.pixels.shape == (2, size, size, 3)
