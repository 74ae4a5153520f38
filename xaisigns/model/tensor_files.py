"""Safetensors files with a JSON document in their metadata and a checksum over both."""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xaisigns.base.documents import json_text
from xaisigns.errors import ModelError

CHECKSUM = "checksum"
_LONGEST_HEADER = 2**24  # the longest of torchvision's VGGs with 4096 names is a hundredth of it


def write_tensors(path: Path, tensors: dict[str, Tensor], key: str, document: dict[str, Any]) -> None:
    """Write a safetensors file, which ``tensors_mark`` tells, with ``document`` as JSON under ``key``, and a checksum.

    Raises OSError when it cannot be written.
    """
    text = json_text(document, indent=None)
    tensors = _apart({name: value.cpu() for name, value in tensors.items()})
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    try:
        save_file(tensors, path, metadata={key: text, CHECKSUM: _checksum(text, tensors)})
    except SafetensorError as error:  # what safetensors makes of an OSError, such as a full disk
        raise OSError(str(error)) from error
    if mode is not None:  # safetensors puts a file of its own there, for the owner alone
        path.chmod(mode)


def tensors_mark(key: str) -> bytes:
    """What the files of ``write_tensors`` have near their beginning."""
    return f'"{key}":"{{'.encode()


def is_tensor_file(path: Path) -> bool:
    """Whether a file begins as a safetensors file does. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def read_metadata(path: Path) -> dict[str, str]:
    """The texts in a safetensors file. Raises ModelError when the file is not whole."""
    with path.open("rb") as file:
        if (length := int.from_bytes(file.read(8), "little")) > _LONGEST_HEADER:
            raise ModelError(f"it is not a whole safetensors file (a header of {length} bytes); train or copy it again")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"it is not a whole safetensors file ({error}); train or copy it again") from error


def read_tensors(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """The tensors of a safetensors file, mapped from it: to be copied.

    With ``key`` the checksum over them and that text of the metadata is compared, where the file has one. Raises
    ModelError when the file is not whole.
    """
    metadata = read_metadata(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        sound = key is None or metadata.get(CHECKSUM) in (None, _checksum(metadata[key], tensors))
    except Exception as error:  # (a type that torch does not have raises what it likes)
        raise ModelError(f"it is not a whole safetensors file ({error}); train or copy it again") from error
    if not sound:
        raise ModelError("it is damaged: its checksum is of other content; train or copy it again")
    return tensors


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous, and a copy of each that shares memory, such as a layer's that stands in two places."""
    apart: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name, value in tensors.items():
        whole = value.contiguous()
        apart[name] = whole.clone() if whole.untyped_storage().data_ptr() in taken else whole
        taken.add(apart[name].untyped_storage().data_ptr())
    return apart


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for name, value in sorted(tensors.items()):
        digest.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        # As bytes, since numpy has no bfloat16.
        digest.update(value.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
