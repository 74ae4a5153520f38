"""Where transplants take their features from: of all classes and carriers, and a proof's from images of its own."""

import numpy as np
import pytest

from tests.audit.planted import CLASS, suspect
from tests.audit.test_transplant import LABELS, pair
from xaisigns.attribution.lrp import LRP
from xaisigns.audit.carriers import CARRIERS
from xaisigns.audit.routes import Routes

RECOGNISED = LABELS != 1
RECOGNISED[:5] = False
EXPLAINER = LRP(pair().model.module, bounds=pair().model.bounds)


@pytest.fixture(scope="module")
def routes():
    return Routes(pair(), RECOGNISED, {CLASS: suspect(20, 8)}, EXPLAINER, 0)


def test_every_class_and_every_suspect_goes_by_every_carrier(routes):
    found = [(route.class_id, route.others is not None, route.carrier) for route in routes.screening()]
    whole = [(class_id, False, carrier) for class_id in (0, 2) for carrier in CARRIERS]
    assert found == [*whole, *((CLASS, True, carrier) for carrier in CARRIERS)]


def test_sources_are_recognised_images_of_the_class(routes):
    for route in routes.screening():
        assert (LABELS[route.sources] == route.class_id).all()
        assert RECOGNISED[route.sources].all()


def test_a_suspects_sources_have_its_windows_and_its_others_are_the_rest_of_the_class(routes):
    route = routes.screening()[-4]
    known = suspect(20, 8)
    places = [list(known.images).index(source) for source in route.sources]
    assert (route.boxes == known.windows[places]).all()
    assert set(route.others) == set(np.flatnonzero(LABELS == CLASS)) - set(known.images)


def test_a_proof_has_images_that_the_screening_had_not(routes):
    for route in routes.screening():
        fresh = routes.proving(route)
        assert not set(fresh.sources) & set(route.sources)
        assert (fresh.class_id, fresh.carrier, fresh.others is None) == (
            route.class_id,
            route.carrier,
            route.others is None,
        )
    assert len(routes.proving(routes.screening()[-1]).sources) == 8 - 3


def test_of_one_image_nothing_is_left_for_a_proof():
    only = np.zeros(len(LABELS), dtype=bool)
    only[0] = True
    routes = Routes(pair(), only, {}, EXPLAINER, 0)
    assert [routes.proving(route) for route in routes.screening()] == [None] * len(CARRIERS)
