"""The folder of the cache: where it is, what is in it, and how it is kept below its limit.

Only what has a name that nobody else gives is counted or removed, whatever folder XAISIGNS_CACHE names.
"""

import contextlib
import os
import re
import stat
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from xaisigns.base.files import cannot_write, sweep, taken_away
from xaisigns.errors import OutputError

SUFFIX = ".arrays"
LIMIT_VARIABLE = "XAISIGNS_CACHE_LIMIT"
DRAWN, PICTURES = "drawn", "signs"  # what is no array
PICTURE_MARK = ("Software", "xaisigns cache")  # a text in each PNG of the cache, and in no other
_LIMIT = 4 * 10**9  # bytes
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([KMGT]?B|)", re.IGNORECASE)
_ARRAYS = re.compile(rf"([0-9a-f]{{32}}|[0-9a-f]{{12}}-[0-9a-f]{{20}}){re.escape(SUFFIX)}")
_DRAWN = re.compile("rendered-[0-9a-f]{12}")
_PARTS_OF_DRAWN = {"signs", "files.json"}
_IN_USE = 24 * 60 * 60  # seconds: so long may a command work on drawn signs
_SPARE = 16  # this part of the limit is made free at once, and may be written before the next look
_HEAD = 4096  # bytes of a picture, where its mark is
_writable: dict[tuple[str, int], int] = {}  # bytes before the next look, by folder and limit


class Cached(NamedTuple):
    """A file or a folder in the cache: its kind, its bytes, and when it was used last, in seconds."""

    kind: str
    path: Path
    size: int
    used: float


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


def cache_limit() -> int:
    """Bytes that the cache may have: XAISIGNS_CACHE_LIMIT, such as 500MB or 10GB, else 4 GB. Raises OutputError."""
    text = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not text:
        return _LIMIT
    found = _SIZE.fullmatch(text)
    if not found:
        raise OutputError(f"{LIMIT_VARIABLE} must be a size such as 500MB, 4GB or a number of bytes, got {text!r}")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def contents(folder: Path) -> list[Cached]:
    """Everything of the cache's in its folder, what was used last at the end."""
    found = [*_arrays(folder, "decoded")]
    for entry in _scanned(folder):
        path = folder / entry.name
        if not entry.is_dir(follow_symlinks=False):
            continue
        if _DRAWN.fullmatch(entry.name) and {part.name for part in _scanned(path)} <= _PARTS_OF_DRAWN:
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                found.append(Cached(DRAWN, path, _size_below(path), entry.stat().st_mtime))
        elif entry.name == PICTURES:
            found += _pictures(path)
        else:
            found += _arrays(path, entry.name)
    return sorted(found, key=lambda cached: (cached.used, cached.path))


def by_kind(found: Iterable[Cached]) -> dict[str, dict[str, int]]:
    """For each kind, in the order of the names: ``count`` and ``size`` in bytes."""
    kinds: dict[str, dict[str, int]] = defaultdict(lambda: {"count": 0, "size": 0})
    for cached in found:
        kinds[cached.kind]["count"] += 1
        kinds[cached.kind]["size"] += cached.size
    return dict(sorted(kinds.items()))


def clear_cache(kind: str | None = None) -> list[Cached]:
    """Remove what is of one kind, or everything, and give what was removed; what a killed run left goes, too.

    Raises OutputError for a kind that the cache does not have.
    """
    folder = cache_folder()
    found = contents(folder)
    kinds = sorted({cached.kind for cached in found})
    if kind is not None and kind not in kinds:
        raise OutputError(f"the cache has no {kind!r}; wanted {', '.join(kinds) or 'nothing: it is empty'}")
    removed = [cached for cached in found if kind in (None, cached.kind) and _removed(cached)]
    for place in {cached.path.parent for cached in removed}:
        sweep(place)
        if place != folder:
            with contextlib.suppress(OSError):  # somebody else's file is in it
                place.rmdir()
    _writable.clear()
    return removed


def mark_used(path: Path) -> None:
    """What was used last is removed last."""
    with contextlib.suppress(OSError):  # a cache that may only be read
        os.utime(path)


def make_room(written: Path) -> None:
    """Remove what was not used for longest until the cache is below its limit, but never what was ``written`` just now.

    A memory map that another process has of a file stays whole; drawn signs that were used within a day stay.
    """
    folder, limit = cache_folder(), cache_limit()
    if folder not in written.parents:
        return
    key = str(folder), limit
    left = _writable.get(key, 0) - _size(written)
    _writable[key] = left if left > 0 else _after_removing(folder, limit, written)


def _after_removing(folder: Path, limit: int, written: Path) -> int:
    found, spare = contents(folder), limit // _SPARE
    total = sum(cached.size for cached in found)
    goal = limit if total <= limit else limit - spare
    for cached in found:
        if total <= goal:
            break
        in_use = cached.kind in (DRAWN, PICTURES) and time.time() - cached.used < _IN_USE
        if cached.path != written and not in_use and _removed(cached):
            total -= cached.size
    return min(limit - total, spare)


def _removed(cached: Cached) -> bool:
    """Remove it; False where that cannot be."""
    try:
        if cached.kind == DRAWN:
            with taken_away(cached.path):
                pass
        else:
            cached.path.unlink(missing_ok=True)
    except (OSError, OutputError):
        return False
    return True


def _arrays(folder: Path, kind: str) -> Iterator[Cached]:
    for entry in _scanned(folder):
        if _ARRAYS.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                status = entry.stat()
                yield Cached(kind, folder / entry.name, status.st_size, status.st_mtime)


def _pictures(folder: Path) -> Iterator[Cached]:
    mark = "\0".join(PICTURE_MARK).encode()
    for entry in _scanned(folder):
        if entry.name.endswith(".png") and entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError), (folder / entry.name).open("rb") as file:
                if mark in file.read(_HEAD):
                    status = entry.stat()
                    yield Cached(PICTURES, folder / entry.name, status.st_size, status.st_mtime)


def _size(path: Path) -> int:
    try:
        return _size_below(path) if path.is_dir() else path.stat().st_size
    except OSError:  # another process removed it
        return 0


def _size_below(folder: Path) -> int:
    total = 0
    for entry in _scanned(folder):
        with contextlib.suppress(FileNotFoundError):
            deeper = entry.is_dir(follow_symlinks=False)
            total += _size_below(folder / entry.name) if deeper else entry.stat(follow_symlinks=False).st_size
    return total


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where there is none, or none that may be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


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
