"""Files of torch.save: read without running code, or refused by name."""

import zipfile
from pathlib import Path

import pytest
import torch

from tests.model.foreign import PREPROCESSING
from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import load_model
from xaisigns.model.explainable import Preprocessing


class Harmful:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_pickle_is_refused_and_its_code_does_not_run(path, tmp_path):
    mark = tmp_path / "mark"
    torch.save({"features.0.weight": Harmful(mark)}, path)
    with pytest.raises(ModelError, match=r"it holds Python objects \(.+\), which are never loaded; where it was"):
        load_model(path, Preprocessing(64, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)))
    assert not mark.exists()
    with path.open("rb") as file:
        torch.load(file, weights_only=False)
    assert mark.exists()


def test_torchs_older_file_format_and_files_without_checksums_are_taken(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(network.state_dict(), tmp_path / "unchecked.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    for name in ("old.pt", "unchecked.pt"):
        assert load_model(tmp_path / name, PREPROCESSING).settings.classes == 7


def test_a_whole_model_is_refused_with_the_line_that_saves_its_weights(network, tmp_path):
    torch.save(network, tmp_path / "mine.pt")
    with pytest.raises(
        ModelError, match=r'objects \(.*VGG\), .*: torch\.save\(model\.state_dict\(\), "weights\.pt"\)$'
    ):
        load_model(tmp_path / "mine.pt", PREPROCESSING)


def rewritten(path, out, compression=zipfile.ZIP_STORED, **changes):
    """A zip archive with other members."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w", compression) as copy:
        for entry in archive.infolist():
            copy.writestr(entry.filename, archive.read(entry))
        for name, content in changes.items():
            copy.writestr(f"mine/{name}", content)


def test_archives_that_torch_save_does_not_write_are_refused(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    rewritten(tmp_path / "mine.pt", tmp_path / "packed.pt", zipfile.ZIP_DEFLATED)
    rewritten(tmp_path / "mine.pt", tmp_path / "script.pt", **{"constants.pkl": b""})
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("readme", "")
    damaged = bytearray((tmp_path / "mine.pt").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.pt").write_bytes(damaged)
    for name, pattern in {
        "packed.pt": "it unpacks to more than its size",
        "script.pt": "it is a TorchScript archive",
        "other.pt": "it is a zip archive, but not one of torch.save",
        "damaged.pt": "it is damaged: a checksum in it is of other content",
    }.items():
        with pytest.raises(ModelError, match=pattern):
            load_model(tmp_path / name, PREPROCESSING)
