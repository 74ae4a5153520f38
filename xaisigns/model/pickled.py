"""What torch.save wrote, read without running code in it and without more memory than the file has bytes."""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch

from xaisigns.errors import ModelError

SAVE = 'torch.save(model.state_dict(), "weights.pt")'
_ZIP = b"PK\x03\x04"
_LARGEST = 2**32  # bytes: a VGG19 in float64 with all that Adam keeps of it has 3.4e9


def is_pickled(path: Path) -> bool:
    """Whether a file begins as those of torch.save do. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return file.read(4).startswith((_ZIP, b"\x80"))


def read_pickled(path: Path) -> Any:
    """The content of a file of torch.save, on the CPU.

    Raises ModelError, with the line that saves a state dict, for anything but plain data and tensors.
    """
    if (size := path.stat().st_size) > _LARGEST:
        raise ModelError(f"it has {size} bytes, and {_LARGEST} are the most; save the state dict alone: {SAVE}")
    try:
        # Torch would go by the name, if it were given the path.
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            if file.read(4) == _ZIP:
                _refuse_odd_archive(file, size)
            file.seek(0)
            return torch.load(file, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        told = f"it holds Python objects ({named[1]}), which are never loaded" if named else "it is not whole"
        raise ModelError(f"{told}; where it was made, save the state dict alone: {SAVE}") from error
    except Exception as error:  # (a damaged file raises whatever its pickle stumbles over)
        raise ModelError(f"it is not whole ({' '.join(str(error).split())[:120]}); copy or save it again") from error


def _refuse_odd_archive(file: BinaryIO, size: int) -> None:
    """Raise ModelError for an archive that torch.save did not write, or that is damaged."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = [entry.filename.rpartition("/")[2] for entry in entries]
        if "constants.pkl" in names:
            raise ModelError(f"it is a TorchScript archive; where it was made, save the state dict alone: {SAVE}")
        if "data.pkl" not in names:
            raise ModelError(f"it is a zip archive, but not one of torch.save: {SAVE}")
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not stored or sum(entry.file_size for entry in entries) > size:
            raise ModelError("it unpacks to more than its size, which nothing that torch.save writes does")
        # torch.serialization.set_crc32_options(False) writes none.
        if any(entry.CRC for entry in entries) and archive.testzip():
            raise ModelError("it is damaged: a checksum in it is of other content; copy or save it again")
