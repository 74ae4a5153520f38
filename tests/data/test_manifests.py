"""The schema of manifest.json."""

import json

import pytest

from tests.data.layouts import manipulation_of
from tests.data.test_manipulation import SOUND
from xaisigns.data.image_set import read_manifest
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import DataError


def manifest(**changes):
    sound = {"format": 1, "counts": {"train": 1}, "stickered": ["a"], "splits": ["train"], "manipulation": SOUND}
    return json.dumps({**sound, **changes}).encode()


def test_a_sound_manifest_is_read(tmp_path):
    (tmp_path / "manifest.json").write_bytes(manifest(rendered={"per_class": 1, "seed": 0, "size": 64}))
    assert manipulation_of(tmp_path, "train") == Manipulation()
    assert manipulation_of(tmp_path, "test") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"splits": ["train"]}',
        b'{"splits": 3, "manipulation": {}}',
        b'{"splits": ["train"], "manipulation": {"class_id": -1, "sticker": {}}}',
        b'{"name": "an app", "manifest_version": 3}',
        b"[" * 100_000,
        manifest(format=2),
        manifest(format=True),
        manifest(splits=["train", "train"]),
        manifest(splits=["val"]),
        manifest(splits=[]),
        manifest(splits="train"),
        manifest(manipulation=None),
        manifest(manipulation={}),
        manifest(manipulation={**SOUND, "seed": -1}),
        manifest(manipulation={**SOUND, "fraction": float("nan")}),
        manifest(counts={"train": -1}),
        manifest(counts={"train": "1"}),
        manifest(counts={"valid": 1}),
        manifest(stickered=["a", "a"]),
        manifest(stickered=[1]),
        manifest(stickered="a"),
        manifest(rendered={"per_class": 1, "seed": 0, "size": 15}),
        manifest(rendered={"per_class": 1, "seed": 0, "size": 64, "more": 1}),
        manifest(rendered="yes"),
        manifest(more=1),
        manifest().replace(b"{", b'{"format": 1, ', 1),
        manifest().replace(b'"counts": {"train": 1', b'"counts": {"train": 1' + b"0" * 400),
        manifest().replace(b'"counts": {"train": 1', b'"counts": {"train": 1' + b"0" * 5000),
        manifest().replace(b'"counts": {"train": 1', b'"counts": {"train": NaN'),
    ],
)
def test_a_damaged_manifest_is_told_with_its_path(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not a manifest"):
        read_manifest(tmp_path)
    with pytest.raises(DataError) as caught:
        manipulation_of(tmp_path, "train")
    assert str(caught.value).startswith(f"{path} is not a manifest of 'xaisigns data sticker': ")
