"""Safetensors files: whole, with the checksum of what is in them, or refused."""

import json
import random

import pytest
import torch
from safetensors.torch import save_file

from tests.model.model_files import refused
from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import load_model
from xaisigns.model.tensor_files import is_tensor_file, read_metadata, read_tensors, tensors_mark, write_tensors


@pytest.mark.parametrize("share", [0, 1e-7, 4e-7, 1e-5, 1e-4, 1e-3, 0.5, 0.999999])
def test_a_cut_off_file_is_refused(written, path, share):
    content = written.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(
        path, r"it is (not a whole safetensors file \(.+\)|neither a whole safetensors .+); train or copy it again$"
    )


def test_a_file_that_is_longer_than_it_should_be_is_refused(written, path):
    path.write_bytes(written.read_bytes() + b"more")
    refused(path, "is not a whole safetensors file")


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_are_refused(path, seed):
    path.write_bytes(b"\0" + random.Random(seed).randbytes(10_000))
    refused(path, "it is neither a whole safetensors file nor one of torch.save; train or copy it again$")


def test_a_damaged_header_is_refused_or_does_no_harm(written, path):
    content = bytearray(written.read_bytes())
    length = 8 + int.from_bytes(content[:8], "little")
    draw = random.Random(0)
    refusals = 0
    for _ in range(20):
        damaged = content.copy()
        damaged[draw.randrange(length)] = draw.randrange(256)
        path.write_bytes(damaged)
        try:
            load_model(path)
        except ModelError:
            refusals += 1
    assert refusals >= 10


def test_weights_that_changed_since_they_were_written_are_refused(written, path):
    content = bytearray(written.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    refused(path, "it is damaged: its checksum is of other content")


def test_a_header_without_bound_is_refused_unread(path):
    path.write_bytes((2**25).to_bytes(8, "little") + b"{" + b" " * 2**25)
    refused(path, "a header of 33554432 bytes")


TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(2, dtype=torch.bfloat16), "n": torch.tensor(3)}


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "tensors"
    write_tensors(path, {**TENSORS, "b": TENSORS["b"].T}, "told", {"epoch": 3, "name": "ü"})
    assert is_tensor_file(path)
    assert tensors_mark("told") in path.read_bytes()[:1000]
    assert json.loads(read_metadata(path)["told"]) == {"epoch": 3, "name": "ü"}
    found = read_tensors(path, "told")
    assert found.keys() == TENSORS.keys()
    assert torch.equal(found["b"], TENSORS["b"].T)
    assert all(found[name].dtype == TENSORS[name].dtype for name in TENSORS)


@pytest.mark.parametrize(
    "change", [{"b": TENSORS["b"].reshape(3, 2)}, {"b": TENSORS["b"] + 1}, {"told": '{"epoch":4}'}]
)
def test_another_number_shape_or_document_has_another_checksum(change, tmp_path):
    write_tensors(tmp_path / "one", TENSORS, "told", {"epoch": 3})
    metadata = {**read_metadata(tmp_path / "one"), **({"told": change["told"]} if "told" in change else {})}
    save_file({name: change.get(name, value) for name, value in TENSORS.items()}, tmp_path / "two", metadata)
    assert read_tensors(tmp_path / "two").keys() == TENSORS.keys()  # where nobody asks
    with pytest.raises(ModelError, match=r"^it is damaged: its checksum is of other content; train or copy it again$"):
        read_tensors(tmp_path / "two", "told")


def test_a_file_without_a_checksum_is_taken(tmp_path):
    save_file(TENSORS, tmp_path / "old", {"told": "{}"})
    assert read_tensors(tmp_path / "old", "told").keys() == TENSORS.keys()
