"""What is on show."""

import numpy as np
import pytest

import xaisigns as xs
from tests.repairs import written_findings
from xaisigns.audit.findings_file import read_findings
from xaisigns.errors import DataError
from xaisigns.live.album import Album
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.messages import DrawnPicture, StoredPicture

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


def test_a_drawn_sign_is_that_of_the_package(model):
    picture = Exhibit(model, [], "en").picture(DrawnPicture(kind="drawn", class_id=2, seed=1132))
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(xs.example_signs()["speed-50"]))


def test_what_there_is_not_is_refused(model, gtsrb):
    with pytest.raises(DataError, match="class 43 does not exist"):
        Exhibit(model, [], "en").picture(DrawnPicture(kind="drawn", class_id=43, seed=0))
    stored = StoredPicture(kind="stored", class_id=2, place=0)
    with pytest.raises(DataError, match="there is no data set to choose from: name its folder with --data"):
        Exhibit(model, [], "en").picture(stored)
    data = xs.open_images(gtsrb, "test")
    album = Album(data, [sample.class_id for sample in data.samples])
    assert Exhibit(model, [], "en", album).picture(stored).size == (32, 32)


def test_its_layers_are_those_that_all_models_have(model, own_untrained):
    layers = Exhibit({"a": model, "b": xs.load_model(own_untrained)}, [], "en").layers
    assert layers == Exhibit(model, [], "en").layers
    assert layers[0] == "features.0"
    assert layers[-1] == "classifier.0"
    lrp = xs.LRP(model, bounds=model.bounds)
    assert set(layers) <= {row.layer for row in lrp.assignments}


def test_its_patches_are_those_of_the_findings(model, untrained, gtsrb, tmp_path, made_up_audit):
    findings = read_findings(written_findings(untrained, gtsrb, tmp_path / "audit"))
    exhibit = Exhibit(model, [], "en", findings=findings)
    told = [(one, patch) for one in findings.found if one.transplant for patch in one.transplant.patches]
    assert len(exhibit.patches) == len(told) > 0
    for image, (one, patch) in zip(exhibit.patches, told, strict=True):
        np.testing.assert_array_equal(np.asarray(image), one.patch(patch))
