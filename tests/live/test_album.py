"""A data set by class, those first that went wrong."""

import numpy as np
import pytest
from PIL import Image

import xaisigns as xs
from tests.conftest import CLASSES
from xaisigns.errors import DataError
from xaisigns.live.album import Album, album_of


@pytest.fixture
def data(gtsrb):
    return xs.open_images(gtsrb, "test")


def test_the_images_that_went_wrong_come_first(data):
    labels = [sample.class_id for sample in data.samples]
    fours = [index for index, label in enumerate(labels) if label == 4]
    called = [14 if index == fours[1] else label for index, label in enumerate(labels)]
    album = Album(data, called)
    assert album.classes() == [{"id": one, "count": 3, "wrong": int(one == 4)} for one in CLASSES]
    shown = [album.picture(4, place) for place in range(3)]
    for image, index in zip(shown, [fours[1], fours[0], fours[2]], strict=True):
        np.testing.assert_array_equal(np.asarray(image), np.asarray(data[index].image))


@pytest.mark.parametrize(("class_id", "place"), [(4, 3), (3, 0), (4, 10**9)])
def test_an_image_that_is_not_there_is_refused(data, class_id, place):
    album = Album(data, [0] * len(data))
    with pytest.raises(DataError, match=f"images of class {class_id}, and no {place}"):
        album.picture(class_id, place)
    assert (class_id, place) in [(4, 3), (3, 0), (4, 10**9)]
    assert sorted(album._places) == sorted(CLASSES)  # to ask for one makes none


def test_a_large_image_is_reduced(data):
    Image.new("RGB", (1600, 800)).save(data.samples[0].path)
    album = Album(data, [0] * len(data))
    assert album.picture(data.samples[0].class_id, 0).size == (400, 200)


@pytest.mark.usefixtures("narrow")
def test_the_model_says_what_went_wrong(data, untrained):
    model = xs.load_model(untrained)
    called = xs.predict(model, data).argmax(dim=1).tolist()
    wrong = sum(said != sample.class_id for said, sample in zip(called, data.samples, strict=True))
    assert sum(one["wrong"] for one in album_of(model, data).classes()) == wrong > 0
