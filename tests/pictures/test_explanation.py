"""Image files explained: the document, the raw relevance, and the ledger as plain data."""

import numpy as np
import pytest
import torch
from PIL import Image

import xaisigns as xs
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import MethodError, ModelError
from xaisigns.pictures.explanation import Explaining, explain_files, ledger_rows

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


@pytest.fixture
def image(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def test_the_document_tells_what_attribute_gives(model, image, tmp_path):
    wanted = Explaining("saliency", target=4, against=2, npy=True)
    document = explain_files(model, [image], tmp_path / "out", wanted)
    ((told,), skipped) = document["results"], document["skipped"]
    result = xs.attribute(model, model.preprocess([read_image(image)]), 4, 2, method="saliency")
    assert skipped == []
    assert (told["method"], told["composite"]) == (result.method, None)
    assert (told["target"]["id"], told["against"]["id"]) == (4, 2)
    assert told["predicted"]["id"] == int(result.predicted)
    assert told["logit"] == pytest.approx(float(result.logit), rel=1e-4)
    assert [one["id"] for one in told["top"]] == result.probabilities[0].topk(5).indices.tolist()
    relevance = np.load(told["files"]["relevance"])
    np.testing.assert_allclose(relevance, result.relevance[0].numpy(), atol=1e-5 * np.abs(relevance).max())


def test_ones_own_files_are_written_again_and_those_of_others_are_not(model, image, tmp_path):
    out, wanted = tmp_path / "out", Explaining("saliency", npy=True)
    first, again = (explain_files(model, [image], out, wanted) for _ in range(2))
    assert first == again
    np.save(out / "noise.npy", np.arange(3))  # without the mark
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    document = explain_files(model, [image], out, wanted)
    assert document["results"] == []
    assert [one["image"] for one in document["skipped"]] == [str(image)]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_progress_counts_what_is_skipped(model, image, tmp_path):
    heard = []
    images = [tmp_path / "missing.png", image]
    explain_files(model, images, tmp_path / "out", Explaining("saliency"), lambda *told: heard.append(told))
    assert heard == [("explaining", 2, 2)]


def test_what_cannot_be_asked_is_refused_before_anything_is_written(model, image, tmp_path):
    for wanted, error in (
        (Explaining(target=43), ModelError),
        (Explaining(against=-1), ModelError),
        (Explaining("saliency", composite="epsilon"), MethodError),
        (Explaining(target=4, against=4), MethodError),
    ):
        with pytest.raises(error):
            explain_files(model, [image], tmp_path / "out", wanted)
    assert not (tmp_path / "out").exists()


def test_the_ledger_of_one_image_is_plain_data(tiny_vgg):
    x = torch.randn(2, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ledger = xs.LRP(tiny_vgg, "epsilon_plus").ledger(x, 1)
    rows = ledger_rows(ledger, 1)
    assert [row["layer"] for row in rows] == [entry.assignment.layer for entry in ledger]
    assert (rows[0]["type"], rows[0]["rule"]) == ("Linear", "epsilon")
    assert rows[0]["received"] == pytest.approx(float(tiny_vgg(x).detach()[1, 1]))
    assert rows[0]["bias"] == pytest.approx(float(tiny_vgg[12].bias.detach()[1]), rel=1e-3)
    assert {type(value) for row in rows for value in row.values()} == {str, float}


def test_the_predicted_class_is_the_explained_one_where_probabilities_are_too_close_to_tell(model, image, tmp_path):
    model.classifier[0].weight.data *= 1e-9
    model.classifier[0].bias.data.zero_()
    (told,) = explain_files(model, [image], tmp_path / "out", Explaining("saliency"))["results"]
    assert len(set(xs.attribute(model, model.preprocess([image]), method="saliency").probabilities[0].tolist())) == 1
    assert told["predicted"]["id"] == told["target"]["id"] == told["top"][0]["id"]
