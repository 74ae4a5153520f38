"""What took long to make, kept on disk under all that it hangs on; what is damaged is made anew."""

import contextlib
import errno
import hashlib
import json
import math
import os
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.files import cannot_write, whole_file
from xaisigns.errors import OutputError

Arrays = Mapping[str, NDArray[Any]]

SUFFIX = ".arrays"
_MAGIC = b"xaisigns cache 1\n"
_ALIGNED = 64  # bytes: where each array begins, as in numpy's own files
_CHECKSUM = 4  # bytes, at the end
_CHUNK = 1 << 20


def cache_folder() -> Path:
    """XAISIGNS_CACHE, or ~/.cache/xaisigns; where there is no home that can be written, a folder for temporary files.

    Raises OutputError where that one is another user's.
    """
    chosen = os.environ.get("XAISIGNS_CACHE")
    if chosen:
        return Path(chosen)
    with contextlib.suppress(OSError, RuntimeError):  # a user id that is nobody's has no home
        folder = Path.home() / ".cache" / "xaisigns"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return _temporary_folder()


def kept(kind: str, key: Sequence[Any], make: Callable[[], Arrays]) -> Arrays:
    """The arrays that ``make`` gives, by name; made once for each ``key``, which is plain data.

    They are in the folder ``kind`` of the cache, which may be deleted at any time. A file that is not whole is made
    anew. Raises OutputError when the folder cannot be written.
    """
    path, digest = _place(kind, key)
    stored = _read(path, digest)
    if stored is not None:
        return {name: np.array(values) for name, values in stored.items()}
    made = {name: np.asarray(values) for name, values in make().items()}
    with whole_file(path) as temporary:
        _write(temporary, digest, {name: _whole(values) for name, values in made.items()})
    return made


def is_kept(kind: str, key: Sequence[Any]) -> bool:
    """Whether there is a file of the arrays that ``kept`` gives for this key."""
    return _place(kind, key)[0].is_file()


def kept_rows(
    folder: Path, family: Sequence[Any], key: Sequence[Any], shape: tuple[int, ...], rows: Callable[[], Iterable[Any]]
) -> NDArray[np.uint8]:
    """The array ``shape`` uint8 that ``rows`` gives row by row, as a read-only memory map; made once for each ``key``.

    Of a ``family`` the folder keeps the last one made; a map that is in use stays whole. Both are plain data. Raises
    OutputError, before any row is made, where the disk has no room or the folder cannot be written.
    """
    name, digest = _digest(list(family))[:12], _digest([list(family), *key])
    path = folder / f"{name}-{digest[:20]}{SUFFIX}"
    stored = _read(path, digest)
    if stored is None:
        with whole_file(path) as temporary:
            _write(temporary, digest, {"rows": _Array(np.dtype(np.uint8), shape, rows)})
            stored = _mapped(temporary, digest)  # Under its own name another process may delete it at once.
        for stale in folder.glob(f"{name}-*"):
            if stale != path:
                with contextlib.suppress(OSError):
                    stale.unlink()
    return stored["rows"]


@lru_cache(maxsize=8)
def made_by(layers: tuple[str, ...], libraries: tuple[str, ...]) -> list[str]:
    """For a key: the versions of xaisigns and of libraries, and a digest of the source of some of its layers."""
    digest = hashlib.sha256()
    for layer in layers:
        folder = Path(str(files(f"xaisigns.{layer}")))
        for source in sorted(folder.rglob("*.py")):
            digest.update(f"{layer}/{source.relative_to(folder).as_posix()}\n".encode())
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
    """An array to write; its pieces, from its beginning to its end, are made when there is room for them."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Callable[[], Iterable[NDArray[Any]]] = tuple

    @property
    def size(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


def _whole(values: NDArray[Any]) -> _Array:
    return _Array(values.dtype, values.shape, lambda: (values,))


def _write(path: Path, digest: str, arrays: Mapping[str, _Array]) -> None:
    """A line of magic, one of JSON, the arrays, and a checksum of all that.

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
    """The arrays of a file that is whole and of this key, else None."""
    try:
        return _mapped(path, digest) if _is_whole(path) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


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


def _temporary_folder() -> Path:
    """One for each user, that nobody else can write."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"xaisigns-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise cannot_write(folder, error) from error
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o022
    if hasattr(os, "getuid") and not mine:
        raise OutputError(f"{folder} is another user's; name a folder for the cache in XAISIGNS_CACHE")
    return folder


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
