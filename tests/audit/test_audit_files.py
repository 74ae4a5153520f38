"""The verb behind the command: what it hands to the audit, gives and writes."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import xaisigns as xs
from tests.findings import examined
from xaisigns.audit import audit_files
from xaisigns.audit.findings_file import findings_for
from xaisigns.data.decoded import decode, objects_of
from xaisigns.data.image_set import fingerprint
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import AuditError, DataError, LanguageError, OutputError
from xaisigns.study.model_cache import ModelCache
from xaisigns.study.responses import respond

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def asked(monkeypatch):
    """Stands in for the audit itself, and notes what it was given."""
    calls = []

    def examine(*given, **options):
        calls.append((given, options))
        return examined(*given, **options)

    monkeypatch.setattr(audit_files, "examine", examine)
    return calls


@pytest.fixture
def model(untrained):
    model = xs.load_model(untrained)
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(4, seed=3).to_json()))
    return model


def test_a_store_answers_for_the_model(untrained, gtsrb, tmp_path, asked, monkeypatch):
    model = xs.load_model(untrained)
    xs.write_store(model, gtsrb, "edges", out=tmp_path / "store", responses=True, split="train")
    without = respond(model, np.array(decode(xs.open_images(gtsrb, "train"), 32)))
    monkeypatch.setattr(audit_files, "respond", None)
    document = xs.audit(model, gtsrb, "none", store=tmp_path / "store")
    stored = asked[0][1]["responses"]
    assert list(stored.layers.items()) == list(without.layers.items())
    np.testing.assert_allclose(stored.logits, without.logits, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(stored.parts, without.parts, rtol=2e-3, atol=1e-5)
    assert any(finding["suspect"] for finding in document["findings"])  # whose channels' strengths are the store's


def test_a_store_is_kept_with_what_the_audit_reads(untrained, gtsrb, tmp_path, asked):
    xs.audit(untrained, gtsrb, "none", store=tmp_path / "store", keep=True)
    store = xs.open_store(tmp_path / "store")
    assert (store.methods, len(store)) == (["lrp"], len(xs.open_images(gtsrb, "train")))
    np.testing.assert_array_equal(asked[0][1]["responses"].parts, store.responses())


def test_a_store_that_cannot_serve_is_refused(model, untrained, gtsrb, tmp_path, asked):
    plain = xs.load_model(untrained)
    xs.write_store(plain, gtsrb, "edges", out=tmp_path / "store", split="train")
    with pytest.raises(AuditError, match="puts the stickers of the model's training on these images, which a store"):
        xs.audit(model, gtsrb, "none", store=tmp_path / "store")
    with pytest.raises(DataError, match="has no responses of inner layers: write it with 'xaisigns attribute --res"):
        xs.audit(plain, gtsrb, "none", store=tmp_path / "store")
    with pytest.raises(OutputError, match=r"store of something else \(split: there train, here test"):
        xs.audit(plain, gtsrb, "none", split="test", store=tmp_path / "store")
    assert not asked


def test_the_document_tells_what_was_compared(model, gtsrb, asked):
    document = xs.audit(model, gtsrb, "none", seed=5)
    data = {split: xs.open_images(gtsrb, split) for split in ("train", "test")}
    ((given_model, seen, unseen, reference), options) = asked[0]
    assert (given_model, reference, options["seed"]) == (model, None, 5)
    np.testing.assert_array_equal(seen.pixels, decode(data["train"], 32, Manipulation(4, seed=3)))
    np.testing.assert_array_equal(unseen.pixels, decode(data["test"], 32))
    np.testing.assert_array_equal(options["objects"], objects_of(data["train"].samples))
    assert document["model"] == {"weights": ModelCache(model).weights, "input_size": 32, "classes": 43}
    assert document["data"]["fingerprint"] == fingerprint(data["train"].samples)
    assert document["data"]["stickers"]["class_id"] == 4
    assert document["unseen"] == {
        "split": "test",
        "images": 12,
        "fingerprint": fingerprint(data["test"].samples),
        "stickers": None,
    }
    assert (document["reference"], document["seed"]) == (None, 5)
    assert document["finding"] == document["findings"][0]["sentence"]
    assert "files" not in document


def test_keys_names_and_channels_are_those_of_the_data_and_the_model(model, gtsrb, asked):
    first = xs.audit(model, gtsrb, "none", language="de")["findings"][0]
    samples = xs.open_images(gtsrb, "train").samples
    assert (first["id"], first["name"]) == (2, "Zulässige Höchstgeschwindigkeit 50 km/h")
    assert [spot["key"] for spot in first["suspect"]["images"]] == [one.key for one in samples if one.class_id == 2][:2]
    answers = respond(model, asked[0][0][1].pixels)
    before = list(answers.layers.values())[: list(answers.layers).index("features.4")]
    for channel in first["suspect"]["channels"]:
        strengths = answers.parts[:, :, sum(before) + channel["channel"]].max(axis=1)
        ranked = np.argsort(-strengths, kind="stable")[:6]
        assert channel["images"] == [samples[place].key for place in ranked]


def test_files_are_whole_and_ours(model, gtsrb, asked, tmp_path):
    out = tmp_path / "new" / "audit"
    document = xs.audit(model, gtsrb, "none", out=out)
    assert document["files"] == {
        "findings": str(out / "findings.json"),
        "pictures": [str(out / f"class-{class_id}.png") for class_id in (2, 9, 4)],
    }
    found = findings_for(model, out / "findings.json")
    assert found.model_dump(mode="json") == {
        **{key: one for key, one in document.items() if key != "files"},
        "made_by": f"xaisigns {xs.__version__}",
    }
    for path in document["files"]["pictures"]:
        with Image.open(path) as picture:
            assert (picture.format, picture.info["Software"]) == ("PNG", "xaisigns")
    assert xs.audit(model, gtsrb, "none", out=str(out))["files"] == document["files"]  # a second time


def test_pictures_of_an_earlier_audit_go_and_those_of_others_stay(model, gtsrb, asked, tmp_path):
    out = tmp_path / "audit"
    (first, *_) = xs.audit(model, gtsrb, "none", out=out)["files"]["pictures"]
    shutil.copy(first, out / "class-7.png")  # ours
    shutil.copy(first, out / "class-43.png")  # of no class of this model
    Image.new("RGB", (8, 8)).save(out / "class-8.png")
    shutil.copy(first, tmp_path / "kept.png")
    (out / "class-10.png").symlink_to(tmp_path / "kept.png")
    xs.audit(model, gtsrb, "none", out=out, force=True)
    left = {path.name for path in out.iterdir()}
    found = {f"class-{class_id}.png" for class_id in (2, 9, 4)}
    assert left == {"findings.json", *found, "class-43.png", "class-8.png", "class-10.png"}


def test_a_picture_of_others_is_refused_before_the_work(model, tmp_path, asked):
    (tmp_path / "class-7.png").write_text("mine")
    with pytest.raises(OutputError, match=r"class-7\.png exists and was not written by xaisigns"):
        xs.audit(model, tmp_path / "nowhere", out=tmp_path)
    assert asked == []


def test_a_reference_is_told_by_its_name_and_weights(model, untrained, gtsrb, asked, tmp_path):
    other = xs.load_model(untrained)
    other.classifier[0].bias.data[0] += 1
    xs.save_model(other, tmp_path / "other.safetensors")
    document = xs.audit(model, gtsrb, tmp_path / "other.safetensors")
    assert document["reference"]["name"] == str(tmp_path / "other.safetensors")
    assert document["reference"]["weights"] == ModelCache(asked[0][0][3]).weights
    assert list(document["limits"]) == ["biased_reference", "whole_class"]
    assert list(xs.audit(model, gtsrb, "none")["limits"]) == ["no_reference", "whole_class"]
    training, test = (xs.open_images(gtsrb, split).samples[0].path for split in ("train", "test"))
    shutil.copy(training, test)
    assert list(xs.audit(model, gtsrb, "none")["limits"]) == ["no_reference", "copies", "whole_class"]


def test_ones_own_images_are_audited_too(own, own_untrained, asked, tmp_path):
    document = xs.audit(own_untrained, own, out=tmp_path / "audit")
    assert document["reference"] is None
    assert [one["name"] for one in document["findings"]] == [
        "#emph[b] $x^2$ {{ 7 * 7 }} [red]",
        "ünï 日本",
        "a<b>$#*[x]",
    ]
    assert findings_for(xs.load_model(own_untrained), document["files"]["findings"]).findings


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": -1}, DataError, "a seed must be a whole number from 0"),
        ({"language": "fr"}, LanguageError, "got 'fr'"),
        ({"split": "val"}, DataError, "train or test"),
        ({"reference": "SELF"}, AuditError, "has the weights of the audited model"),
    ],
)
def test_what_cannot_be_done_is_refused(options, error, message, untrained, gtsrb, asked):
    given = {key: untrained if value == "SELF" else value for key, value in options.items()}
    with pytest.raises(error, match=message):
        xs.audit(untrained, gtsrb, **given)
    assert asked == []
