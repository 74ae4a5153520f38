"""Disk cache for expensive arrays, keyed by everything they depend on; a damaged file is made anew."""

import contextlib
import errno
import hashlib
import json
import math
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.cache_folder import SUFFIX, cache_folder, cache_limit, make_room, mark_used
from xaisigns.base.files import whole_file

Arrays = Mapping[str, NDArray[Any]]

_MAGIC = b"xaisigns cache 1\n"
_ALIGNED = 64  # bytes: where each array begins, as in numpy's own files
_CHECKSUM = 4  # bytes, at the end
_CHUNK = 1 << 20


def cached_arrays(kind: str, key: Sequence[Any], make: Callable[[], Arrays]) -> Arrays:
    """The arrays that ``make`` gives, by name; made once for each ``key``, which is plain data.

    They are stored in the folder ``kind`` of the cache, which may be deleted at any time. Raises OutputError when it
    cannot be written.
    """
    path, digest = _place(kind, key)
    stored = _read(path, digest)
    if stored is not None:
        return {name: np.array(values) for name, values in stored.items()}
    cache_limit()  # one that cannot be read is told before the work
    made = {name: np.asarray(values) for name, values in make().items()}
    with whole_file(path) as temporary:
        _write(temporary, digest, {name: _whole(values) for name, values in made.items()})
    make_room(path)
    return made


def is_cached(kind: str, key: Sequence[Any]) -> bool:
    """Whether there is a file of the arrays that ``cached_arrays`` gives for this key."""
    return _place(kind, key)[0].is_file()


def cached_rows(
    folder: Path, family: Sequence[Any], key: Sequence[Any], shape: tuple[int, ...], rows: Callable[[], Iterable[Any]]
) -> NDArray[np.uint8]:
    """The array ``shape`` uint8 that ``rows`` gives row by row, as a read-only memory map; made once for each ``key``.

    ``folder`` stores only the latest array of a ``family``; a map that is in use stays whole. Both are plain data.
    Raises OutputError, before any row is made, when the disk has no room or the folder cannot be written.
    """
    name, digest = _digest(list(family))[:12], _digest([list(family), *key])
    path = folder / f"{name}-{digest[:20]}{SUFFIX}"
    stored = _read(path, digest)
    if stored is None:
        cache_limit()
        with whole_file(path) as temporary:
            _write(temporary, digest, {"rows": _Array(np.dtype(np.uint8), shape, rows)})
            stored = _mapped(temporary, digest)  # Under its own name another process may delete it at once.
        for stale in folder.glob(f"{name}-*"):
            if stale != path:
                with contextlib.suppress(OSError):
                    stale.unlink()
        make_room(path)
    return stored["rows"]


@lru_cache(maxsize=8)
def made_by(sources: tuple[str, ...], libraries: tuple[str, ...]) -> list[str]:
    """For a key: the versions of xaisigns and of ``libraries``, and a digest of some of its layers and modules.

    Each of the ``sources`` is a folder or a file below the package, such as "model" or "model/classifier.py".
    """
    digest = hashlib.sha256()
    package = Path(str(files("xaisigns")))
    for name in sources:
        place = package / name
        for source in [place] if place.is_file() else sorted(place.rglob("*.py")):
            digest.update(f"{source.relative_to(package).as_posix()}\n".encode())
            digest.update(source.read_bytes())
    return [digest.hexdigest(), *(f"{name} {version(name)}" for name in ("xaisigns", *libraries))]


def digest_of(*arrays: NDArray[Any]) -> str:
    """SHA-256 of the arrays' shapes, types and values, for use in a key."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class _Array(NamedTuple):
    """An array to write; its pieces, from first to last, are made once there is room for them."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Callable[[], Iterable[NDArray[Any]]] = tuple

    @property
    def size(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


def _whole(values: NDArray[Any]) -> _Array:
    return _Array(values.dtype, values.shape, lambda: (values,))


def _write(path: Path, digest: str, arrays: Mapping[str, _Array]) -> None:
    """Write a line of magic, a line of JSON, the arrays, and a checksum over all of it.

    Written from front to back into space that is reserved: a memory map on a full disk would end the process.
    """
    document = {"key": digest, "arrays": {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}}
    head = _MAGIC + json.dumps(document).encode()
    head += b" " * (-(len(head) + 1) % _ALIGNED) + b"\n"
    with path.open("rb+") as file:
        _reserve(file.fileno(), len(head) + sum(_aligned(array.size) for array in arrays.values()) + _CHECKSUM)
        checksum = 0
        for piece in _pieces(head, arrays.values()):
            checksum = zlib.crc32(piece, checksum)
            file.write(piece)
        file.write(checksum.to_bytes(_CHECKSUM, "little"))


def _pieces(head: bytes, arrays: Iterable[_Array]) -> Iterator[bytes | memoryview]:
    yield head
    for array in arrays:
        for piece in array.pieces():
            yield np.ascontiguousarray(piece).data
        yield bytes(_aligned(array.size) - array.size)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _reserve(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):  # a file system that cannot
                raise


def _read(path: Path, digest: str) -> Arrays | None:
    """The arrays of a file that is undamaged and has this key, else None."""
    try:
        arrays = _mapped(path, digest) if _is_whole(path) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if arrays is not None:
        mark_used(path)
    return arrays


def _is_whole(path: Path) -> bool:
    """Whether the checksum fits. Read, not mapped: what a broken disk cannot read is an error then, and no signal."""
    checksum, buffer = 0, bytearray(_CHUNK)
    with path.open("rb", buffering=0) as file:
        left = max(0, file.seek(0, os.SEEK_END) - _CHECKSUM)
        file.seek(0)
        while left:
            count = file.readinto(memoryview(buffer)[: min(left, _CHUNK)])
            if not count:
                return False
            checksum = zlib.crc32(memoryview(buffer)[:count], checksum)
            left -= count
        return file.read() == checksum.to_bytes(_CHECKSUM, "little")


def _mapped(path: Path, digest: str) -> Arrays:
    """The arrays of a whole file, which outlive its name. Raises ValueError for one of another key."""
    whole = np.memmap(path, np.uint8, "r")
    with path.open("rb") as file:
        magic, line = file.readline(_CHUNK), file.readline(_CHUNK)
    document = json.loads(line)
    if magic != _MAGIC or document["key"] != digest:
        raise ValueError(f"{path} is of another key")
    start, arrays = len(magic) + len(line), {}
    for name, (kind, shape) in document["arrays"].items():
        array = _Array(np.dtype(kind), tuple(shape))
        arrays[name] = whole[start : start + array.size].view(array.dtype).reshape(array.shape)
        start += _aligned(array.size)
    return arrays


def _place(kind: str, key: Sequence[Any]) -> tuple[Path, str]:
    """The file of a key, and the key's digest."""
    digest = _digest([kind, *key])
    return cache_folder() / kind / f"{digest[:32]}{SUFFIX}", digest


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
