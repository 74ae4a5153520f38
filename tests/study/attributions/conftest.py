"""Small stores: a narrow network on 12 images, of which 4 are written at once and 2 explained together."""

import shutil

import pytest

import xaisigns as xs
from tests.conftest import narrow_networks
from xaisigns.study.attributions import explaining, layout


@pytest.fixture
def small_shards(monkeypatch):
    make_small(monkeypatch)


def make_small(patch):
    """Write 4 images at once, and explain 2 together."""
    patch.setattr(layout, "_SHARD", 4)
    patch.setattr(layout, "BATCH", 2)
    patch.setattr(explaining, "BATCH", 2)


@pytest.fixture
def model(narrow, untrained):
    return xs.load_model(untrained)


@pytest.fixture
def data(gtsrb):
    return xs.open_images(gtsrb, "test")


@pytest.fixture(scope="session")
def _written(_untrained, _drawn_gtsrb, tmp_path_factory):
    path = tmp_path_factory.mktemp("attributions") / "store"
    with narrow_networks(), pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        patch.setenv("XAISIGNS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        data = xs.open_images(_drawn_gtsrb, "test")
        xs.write_store(_untrained[True], data, "lrp,gradcam", out=path, layers=["features.8"])
    return path


@pytest.fixture
def store(_written, small_shards, tmp_path):
    """What was written of ``model`` and ``data``: lrp, gradcam and the layer features.8; the test's to change."""
    return xs.open_store(shutil.copytree(_written, tmp_path / "store"))
