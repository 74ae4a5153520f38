import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from PIL import Image

import xaisigns as xs
from tests.needs import VIRELAY
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.decoded import decode
from xaisigns.errors import DataError, OutputError
from xaisigns.study.attributions import virelay
from xaisigns.study.attributions.virelay import export


@pytest.fixture
def few(monkeypatch):
    """The three images of a class are enough."""
    monkeypatch.setattr(virelay, "_FEWEST", 3)
    monkeypatch.setattr(virelay, "_CLUSTERS", (2, 3))


@pytest.fixture
def written(model, data, small_shards, tmp_path):
    xs.write_store(model, data, "lrp,lrp:epsilon", out=tmp_path / "store")
    return xs.open_store(tmp_path / "store")


def test_the_files_are_what_corelay_specifies(written, data, few, tmp_path):
    document = export(written.path, virelay=tmp_path / "out")
    assert document == {
        "images": 12,
        "methods": ["lrp", "lrp:epsilon"],
        "projects": [str(tmp_path / "out/lrp.yaml"), str(tmp_path / "out/lrp-epsilon.yaml")],
    }
    with h5py.File(tmp_path / "out/dataset.h5") as file:
        assert (file["data"][:].transpose(0, 2, 3, 1) == decode(data, 32)).all()
        assert file["label"][:].tolist() == written.labels.tolist()
        assert np.issubdtype(file["label"].dtype, np.unsignedinteger)
    with h5py.File(tmp_path / "out/lrp-epsilon.attribution.h5") as file:
        assert file["attribution"].shape == (12, 3, 32, 32)
        np.testing.assert_allclose(file["attribution"][:].sum(axis=1), written.heatmaps("lrp:epsilon"), rtol=1e-6)
        np.testing.assert_array_equal(file["prediction"][:], written.logits())
        assert file["index"][:].tolist() == list(range(12))
    with h5py.File(tmp_path / "out/lrp.analysis.h5") as file:
        assert list(file) == ["00002", "00004", "00009", "00014"]
        one = file["00004"]
        assert one["index"][:].tolist() == [1, 5, 9]
        assert one["embedding/tsne"].shape == (3, 2)
        assert one["embedding/pca"].shape[0] == 3
        assert one["embedding/pca"].attrs["eigenvalue"].shape == (one["embedding/pca"].shape[1],)
        assert {name: set(values[:]) for name, values in one["cluster"].items()}["kmeans-2"] == {0, 1}
    labels = json.loads((tmp_path / "out/label-map.json").read_text(encoding="utf-8"))
    assert labels[14] == {"index": 14, "word_net_id": "00014", "name": CLASS_NAMES["en"][14]}


def test_the_project_names_its_files(written, few, tmp_path):
    for path in export(written.path, virelay=tmp_path / "out", language="de")["projects"]:
        project = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["project"]
        named = [project["label_map"], project["dataset"]["path"], *project["attributions"]["sources"]]
        named += [source for one in project["analyses"] for source in one["sources"]]
        assert [name for name in named if not (tmp_path / "out" / name).is_file()] == []
    labels = json.loads((tmp_path / "out/label-map.json").read_text(encoding="utf-8"))
    assert labels[14]["name"] == CLASS_NAMES["de"][14]


def test_images_that_were_skipped_are_left_out(model, data, few, tmp_path):
    data.samples[1].path.write_text("no image")
    xs.write_store(model, data, "edges", out=tmp_path / "store")
    assert export(tmp_path / "store", virelay=tmp_path / "out")["images"] == 11
    with h5py.File(tmp_path / "out/dataset.h5") as file, h5py.File(tmp_path / "out/edges.analysis.h5") as analysis:
        kept = [sample.class_id for place, sample in enumerate(data.samples) if place != 1]
        assert file["label"][:].tolist() == kept
        assert list(analysis) == ["00002", "00009", "00014"]


def test_without_enough_images_there_is_nothing_to_embed(written, tmp_path):
    path = export(written.path, virelay=tmp_path / "out")["projects"][0]
    assert "analyses" not in yaml.safe_load(Path(path).read_text(encoding="utf-8"))["project"]


def test_heatmaps_that_are_all_the_same_are_embedded_too(model, data, few, tmp_path):
    xs.write_store(model, data, "uniform", out=tmp_path / "store")
    export(tmp_path / "store", virelay=tmp_path / "out")
    with h5py.File(tmp_path / "out/uniform.analysis.h5") as file:
        assert not file["00002/embedding/tsne"][:].any()
        assert set(file["00002/cluster/kmeans-3"][:]) == {0}


def test_heatmaps_that_differ_by_rounding_alone_are_one_point():
    one = np.random.default_rng(0).normal(size=(1, 1024))
    embedded, variances = virelay._principal_components(one.repeat(7, axis=0) / 3)
    assert not embedded.any()
    assert not variances.any()
    pairs = np.array([[0, 0], [1e-7, 0], [0, 1e-7], [1, 1], [1 + 1e-7, 1], [1, 1 + 1e-7]], dtype=np.float32)
    assert len(set(virelay._clusters(pairs, 5)[[0, 3]])) == 2  # and says nothing: warnings are errors here


def test_nothing_is_written_into_the_store(written, tmp_path):
    (tmp_path / "link").symlink_to(written.path)
    for place in (written.path / "virelay", written.path / "heatmaps/deep/er", tmp_path / "link/virelay"):
        with pytest.raises(OutputError, match=f"cannot write {place}: it is in the store .*; name another place"):
            export(written.path, virelay=place)
    assert not (written.path / "virelay").exists()


def test_what_is_no_longer_there_is_refused(written, data, tmp_path):
    data.samples[3].path.write_bytes(b"another")
    with pytest.raises(DataError, match=f"{data.samples[3].path} is missing or no longer what was explained"):
        export(written.path, virelay=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over_or_of_an_empty_store(written, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(OutputError, match="is not an empty folder"):
        export(written.path, virelay=tmp_path / "out")
    for path in (written.path / "state/c").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"nothing is explained in .* yet"):
        export(written.path, virelay=tmp_path / "out")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(OutputError, match=r"pip install 'xaisigns\[scale\]'"):
        export(written.path, virelay=tmp_path / "out")


@contextlib.contextmanager
def served(project):
    """The address at which ViRelAy itself serves a project."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [os.environ[VIRELAY], str(project), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            address = f"http://127.0.0.1:{port}/api/projects"
            for _ in range(300):
                assert server.poll() is None, server.stdout.read()
                with contextlib.suppress(OSError), urllib.request.urlopen(address):
                    break
                time.sleep(0.1)
            yield address
        finally:
            server.kill()


def fetched(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read()


@pytest.mark.needs("virelay")
def test_virelay_itself_serves_samples_attributions_and_embeddings(written, data, few, tmp_path):
    export(written.path, virelay=tmp_path / "out")
    with served(tmp_path / "out/lrp-epsilon.yaml") as address:
        (project,) = json.loads(fetched(address))
        assert "lrp:epsilon" in str(project)
        sample = json.loads(fetched(f"{address}/0/dataset/5"))
        assert [label["index"] for label in sample["labels"]] == [4]
        assert sample["labels"][0]["name"] == CLASS_NAMES["en"][4]
        pixels = np.asarray(Image.open(BytesIO(fetched(f"{address}/0/dataset/5/image"))).convert("RGB"))
        assert pixels.shape == (32, 32, 3)
        assert abs(pixels.astype(int) - decode(data, 32)).mean(axis=(1, 2, 3)).argmin() == 5  # it is served as JPEG
        attribution = json.loads(fetched(f"{address}/0/attributions/5"))
        np.testing.assert_allclose(attribution["prediction"], written.logits(5), rtol=1e-5)
        assert (attribution["width"], attribution["height"]) == (32, 32)
        heatmap = Image.open(BytesIO(fetched(f"{address}/0/attributions/5/heatmap?colorMap=jet")))
        assert heatmap.size == (32, 32)
        for embedding in ("pca", "tsne"):
            query = f"category=00004&clustering=kmeans-2&embedding={embedding}"
            analysis = json.loads(fetched(f"{address}/0/analyses/heatmaps?{query}"))
            assert [point["attributionIndex"] for point in analysis["embedding"]] == [1, 5, 9]
            assert {point["cluster"] for point in analysis["embedding"]} == {0, 1}
            assert analysis["humanReadableCategoryName"] == CLASS_NAMES["en"][4]
