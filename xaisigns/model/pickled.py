"""What torch.save wrote, read without running code in it and without more memory than the file has bytes."""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from xaisigns.errors import ModelError

SAVE = 'torch.save(model.state_dict(), "weights.pt")'
_ZIP = b"PK\x03\x04"


def is_pickled(path: Path) -> bool:
    """Whether a file begins as those of torch.save do. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return file.read(4).startswith((_ZIP, b"\x80"))


def read_pickled(path: Path) -> Any:
    """The content of a file of torch.save, on the CPU; tensors may be mapped from the file.

    Raises ModelError, with the line that saves a state dict, for anything but plain data and tensors.
    """
    with path.open("rb") as file:
        zipped = file.read(4) == _ZIP
    if zipped:
        _refuse_odd_archive(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        told = f"it holds Python objects ({named[1]}), which are never loaded" if named else "it is not whole"
        raise ModelError(f"{told}; where it was made, save the state dict alone: {SAVE}") from error
    except Exception as error:  # (a damaged file raises whatever its pickle stumbles over)
        raise ModelError(f"it is not whole ({' '.join(str(error).split())[:120]}); copy or save it again") from error


def _refuse_odd_archive(path: Path) -> None:
    """Raise ModelError for an archive that torch.save did not write, or that is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename.rpartition("/")[2] for entry in entries]
            if "constants.pkl" in names:
                raise ModelError(f"it is a TorchScript archive; where it was made, save the state dict alone: {SAVE}")
            if "data.pkl" not in names:
                raise ModelError(f"it is a zip archive, but not one of torch.save: {SAVE}")
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            if not stored or sum(entry.file_size for entry in entries) > path.stat().st_size:
                raise ModelError("it unpacks to more than its size, which nothing that torch.save writes does")
            # torch.serialization.set_crc32_options(False) writes none.
            if any(entry.CRC for entry in entries) and archive.testzip():
                raise ModelError("it is damaged: a checksum in it is of other content; copy or save it again")
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ModelError(f"it is not whole ({error}); copy or save it again") from error
