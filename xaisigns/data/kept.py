"""What took long to compute, kept in the cache under all that it hangs on."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaisigns.data.decoded import cache_folder
from xaisigns.data.files import whole_file

Arrays = Mapping[str, NDArray[Any]]


def kept(kind: str, key: Sequence[Any], make: Callable[[], Arrays]) -> Arrays:
    """The arrays that ``make`` gives, by name; made once for each ``key``, which is plain data.

    They are in the folder ``kind`` of the cache (XAISIGNS_CACHE, or ~/.cache/xaisigns), which may be deleted at any
    time. A file that cannot be read is made anew. Raises OutputError when the folder cannot be written.
    """
    digest = hashlib.sha256(json.dumps([kind, *key]).encode()).hexdigest()
    path = cache_folder() / kind / f"{digest[:32]}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        pass
    made = make()
    with whole_file(path) as temporary, temporary.open("wb") as out:
        np.savez(out, allow_pickle=False, **made)
    return made


def digest_of(*arrays: NDArray[Any]) -> str:
    """SHA-256 of the arrays' shapes, types and values, for use in a key."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
