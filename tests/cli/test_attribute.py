import json

import numpy as np
import pytest

import xaisigns as xs


@pytest.fixture
def arguments(narrow, untrained, gtsrb, tmp_path):
    return ["attribute", gtsrb, "--model", untrained, "--out", tmp_path / "store"]


def test_every_image_is_explained_into_a_store(run, arguments, gtsrb, untrained, tmp_path):
    more = (
        "--methods",
        "lrp,gradcam",
        "--layers",
        "features.8, classifier.0",
        "--metrics",
        "",
        "--heatmaps",
        "float32",
    )
    code, printed, told = run(*arguments, *more, "--json")
    assert (code, told) == (0, "")
    document = json.loads(printed)
    assert (document["count"], document["explained"], document["metrics"]) == (12, 12, [])
    assert document["layers"] == ["features.8", "classifier.0"]
    model, store = xs.load_model(untrained), xs.open_store(document["store"])
    result = xs.attribute(model, model.preprocess([sample.path for sample in xs.open_images(gtsrb, "test").samples]))
    np.testing.assert_array_equal(store.heatmaps("lrp"), result.heatmap.numpy())


def test_it_says_what_it_did_and_what_was_there(run, arguments, tmp_path):
    code, printed, told = run(*arguments, "--methods", "edges")
    assert (code, told) == (0, "")
    assert printed.startswith(f"{tmp_path / 'store'}: 12 test images explained by edges\n")
    _, printed, _ = run(*arguments, "--methods", "edges", "--lang", "de")
    assert printed.startswith(f"{tmp_path / 'store'}: 12 Testbilder erklärt mit edges\n12 Bilder waren schon da\n")


def test_what_cannot_be_read_is_skipped_and_named_each_time(run, arguments, gtsrb):
    broken = sorted(gtsrb.rglob("Final_Test/Images/*.ppm"))[3]
    broken.write_text("no image")
    for _ in range(2):
        code, printed, told = run(*arguments, "--methods", "edges", "--json")
        document = json.loads(printed)
        assert (code, document["explained"]) == (1, 11)
        assert [one["image"] for one in document["skipped"]] == [str(broken)]
        assert told.startswith(f"xaisigns: skipped {broken}: cannot be read as an image: it is none of PNG")


def test_another_method_is_refused_in_a_line(run, arguments, tmp_path):
    run(*arguments, "--methods", "edges")
    code, printed, told = run(*arguments, "--methods", "uniform")
    assert (code, printed) == (1, "")
    assert told == (
        f'xaisigns: {tmp_path / "store"} is a store of something else (methods: there ["edges"], here ["uniform"]); '
        "name another place, or what it is of\n"
    )


def test_a_place_must_be_named(run, gtsrb):
    code, _, told = run("attribute", gtsrb)
    assert code == 2
    assert "--out" in told
