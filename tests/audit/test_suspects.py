"""What was found once is found again without looking, and is the same; of other data it is not."""

from dataclasses import fields

import numpy as np

from tests.audit.planted import CLASS, images, model
from xaisigns.attribution.lrp import LRP
from xaisigns.audit import suspects
from xaisigns.audit.suspects import kept_suspects
from xaisigns.study.responses import respond

PER_CLASS, SQUARES = 30, 8


def found(pixels, labels, objects=None, least=1.0, seed=0):
    network = model(1)
    responses = respond(network, pixels)
    objects = np.arange(len(labels)) if objects is None else objects
    return kept_suspects(
        network, LRP(network.module, bounds=network.bounds), responses, pixels, labels, objects, seed, least
    )


def same(one, other):
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))


def test_the_second_time_nothing_is_looked_for(monkeypatch):
    data = images(PER_CLASS, SQUARES)
    first = found(*data)
    assert CLASS in first
    assert first[CLASS].images.tolist() == list(range(CLASS * PER_CLASS, CLASS * PER_CLASS + SQUARES))
    monkeypatch.setattr(suspects, "clusters", None)
    again = found(*data)
    assert again.keys() == first.keys()
    assert all(same(one, again[class_id]) for class_id, one in first.items())
    assert [type(value) for value in again[CLASS].channels] == [int] * len(again[CLASS].channels)


def test_none_are_kept_as_none(monkeypatch):
    data = images(PER_CLASS, SQUARES)
    assert found(*data, least=1e6) == {}
    monkeypatch.setattr(suspects, "clusters", None)
    assert found(*data, least=1e6) == {}


def test_of_other_images_objects_or_seeds_they_are_looked_for(monkeypatch):
    pixels, labels = images(PER_CLASS, SQUARES)
    found(pixels, labels)
    asked = []
    monkeypatch.setattr(suspects, "clusters", lambda *_, **__: asked.append(1) or [])
    found(pixels[::-1].copy(), labels)
    found(pixels, labels, np.arange(len(labels)) // 2)
    found(pixels, labels, seed=1)
    assert len(asked) == 3
