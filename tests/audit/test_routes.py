"""Where transplants take their features from: of all classes and carriers, and a proof's from images of its own."""

import numpy as np
import pytest

from tests.audit.planted import BOX, CLASS, suspect
from tests.audit.test_transplant import LABELS, pair
from xaisigns.attribution.lrp import LRP
from xaisigns.audit.carriers import CARRIERS
from xaisigns.audit.routes import Routes, different_window

RECOGNISED = LABELS != 1
RECOGNISED[:5] = False
OBJECTS = np.arange(len(LABELS))
EXPLAINER = LRP(pair().model.module, bounds=pair().model.bounds)


@pytest.fixture(scope="module")
def routes():
    return Routes(pair(), RECOGNISED, OBJECTS, {CLASS: suspect(20, 8)}, EXPLAINER, 0)


def test_every_class_and_every_suspect_goes_by_every_carrier(routes):
    whole = [(class_id, carrier, "relevant") for class_id in (0, 2) for carrier in CARRIERS]
    part = [(CLASS, carrier, "suspect") for carrier in CARRIERS]
    assert [route.plan for route in routes.screening()] == [*whole, *part, (CLASS, "window", "different")]


def test_sources_are_recognised_images_of_the_class(routes):
    for route in routes.screening():
        assert (LABELS[route.sources] == route.plan.class_id).all()
        assert RECOGNISED[route.sources].all()


def test_a_suspects_sources_have_its_windows_and_its_others_are_the_rest_of_the_class(routes):
    route = routes.screening()[-2]
    known = suspect(20, 8)
    places = [list(known.images).index(source) for source in route.sources]
    assert (route.boxes == known.windows[places]).all()
    assert set(route.others) == set(np.flatnonzero(LABELS == CLASS)) - set(known.images)


def test_a_proof_has_images_that_the_screening_had_not(routes):
    for route in routes.screening():
        fresh = routes.proving(route)
        assert not set(fresh.sources) & set(route.sources)
        assert fresh.plan == route.plan
    assert len(routes.proving(routes.screening()[-1]).sources) == 8 - 3


def test_where_a_part_differs_most_is_where_the_square_is(routes):
    boxes = routes.screening()[-1].boxes
    assert (boxes == BOX).all()


def test_a_difference_counts_in_units_of_how_much_the_rest_varies():
    random = np.random.default_rng(0)
    rest = random.integers(100, 110, (30, 32, 32, 3)).astype(np.uint8)
    rest[:, 20:, 20:] = random.integers(0, 256, (30, 12, 12, 3))
    part = rest[:10].copy()
    part[:, 4:9, 6:11] += 40
    part[:, 20:, 20:] = 220
    assert different_window(part, rest, (0, 0, 5, 5)) == (6, 4, 11, 9)


def test_of_one_image_nothing_is_left_for_a_proof():
    only = np.zeros(len(LABELS), dtype=bool)
    only[0] = True
    routes = Routes(pair(), only, OBJECTS, {}, EXPLAINER, 0)
    assert [routes.proving(route) for route in routes.screening()] == [None] * len(CARRIERS)


def test_each_object_is_a_source_once_before_any_is_again():
    objects = OBJECTS // 4
    routes = Routes(pair(), LABELS >= 0, objects, {CLASS: suspect(20, 8)}, EXPLAINER, 0)
    for route in routes.screening():
        shown = objects[route.sources]
        there = len(
            np.unique(objects[LABELS == CLASS] if route.plan.aim == "relevant" else objects[suspect(20, 8).images])
        )
        assert len(np.unique(shown)) == min(len(shown), there)
