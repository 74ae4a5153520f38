"""Files and folders: what is there, and how to write them whole or not at all, over nothing that is not ours."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xaisigns.errors import DataError, OutputError, TakenError

if sys.platform != "win32":
    import fcntl

# What the system answers for a path where nothing is, or nothing can be.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}
# The same length for every file: a name may be as long as the system lets it be.
_TEMPORARY = re.compile(r"\.xaisigns-[0-9a-f]{16}(\.|$)")
_LONGEST_SUFFIX = 32
_ENDS = 64 * 1024  # of a file, where its mark is looked for
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_swept: set[str] = set()


class Place(NamedTuple):
    """Where to write a file, and bytes that are in the first or last 64 KiB of every such file that xaisigns wrote."""

    path: Path
    mark: bytes


def is_file(path: Path) -> bool:
    """Whether there is a file, or a link to one. Raises DataError where the system does not let one look."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether there is a folder, or a link to one. Raises DataError where the system does not let one look."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    """The kind and the permissions of what is there; 0 where nothing is."""
    try:
        return path.stat().st_mode
    except ValueError:  # a name with a null byte
        return 0
    except OSError as error:
        if error.errno in _ABSENT:
            return 0
        raise DataError(f"{path} cannot be looked at: {error.strerror or error}; see to its permissions") from error


@contextlib.contextmanager
def whole_file(path: Path, mark: bytes = b"", *, force: bool = False) -> Iterator[Path]:
    """``whole_files`` for one file; without a mark it may take the place of any file, as in the cache."""
    with whole_files([Place(path, mark)], force=force) as (temporary,):
        yield temporary


@contextlib.contextmanager
def whole_files(places: Sequence[Place], *, force: bool = False) -> Iterator[list[Path]]:
    """Give a temporary path beside each place to write to; all appear, on disk, only if the block succeeds.

    Missing parent folders are made. A link stays, and what it leads to is replaced. What runs that were killed left
    beside them is removed. Raises OutputError when a place cannot be written, and as ``check_places`` does.
    """
    check_places(places, force=force)
    places = [Place(_followed(path), mark) for path, mark in places]
    with contextlib.ExitStack() as stack:
        try:
            temporaries = []
            for path, _ in places:
                path.parent.mkdir(parents=True, exist_ok=True)
                _sweep_once(path.parent)
                suffix = path.suffix if len(os.fsencode(path.suffix)) <= _LONGEST_SUFFIX else ""
                temporaries.append(stack.enter_context(_temporary(path.parent, suffix, _new_file)))
            yield temporaries
            for temporary in temporaries:
                _sync(temporary)
            check_places(places, force=force)  # Something may have come meanwhile.
            with _undisturbed():
                for temporary, (path, _) in zip(temporaries, places, strict=True):
                    temporary.replace(path)
            for folder in {path.parent for path, _ in places}:
                _sync_folder(folder)
        except OSError as error:
            raise cannot_write(", ".join(str(path) for path, _ in places), error) from error


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; its content becomes that of ``path`` only if the block succeeds.

    ``path`` may be an empty folder, or one that a killed run left; missing parents are made. Raises OutputError when
    there is something in it, when it is a file, or when the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = _is_there(path)
        if there:
            sweep(path)
        if there and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(f"{path} is not an empty folder; name a new one")
        _sweep_once(path.parent)
        # Beside it where it can be replaced, which is one step; what one stands in, or is mounted, is filled.
        beside = not there or (os.access(path.parent, os.W_OK | os.X_OK) and not _stays(path))
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from error
    try:
        with _temporary(path.parent if beside else path, "", os.mkdir) as temporary:
            yield temporary
            if hasattr(os, "sync"):
                os.sync()  # Once: to wait for each of ten thousands of files takes minutes.
            if not beside or not _replaced(path, temporary):
                # Folders first: a file, such as a manifest, says that the rest is there.
                for part in sorted(temporary.iterdir(), key=lambda part: (part.is_file(), part.name)):
                    shutil.move(part, path / part.name)
            _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def _stays(folder: Path) -> bool:
    return folder.is_symlink() or os.path.ismount(folder) or folder.samefile(Path.cwd())


def _replaced(path: Path, temporary: Path) -> bool:
    """Put the temporary folder in the place of ``path``; False for a folder that is mounted there."""
    try:
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        return False
    return True


@contextlib.contextmanager
def taken_away(path: Path) -> Iterator[Path | None]:
    """Give what is at ``path`` under another name in its folder, None where nothing is; removed when the block ends.

    Raises OutputError when it cannot be moved.
    """
    try:
        if not _is_there(path):
            yield None
            return
        with _temporary(path.parent, "", os.mkdir) as temporary:
            with contextlib.suppress(FileNotFoundError):  # Another process was faster.
                path.replace(temporary / path.name)
            yield temporary / path.name
    except OSError as error:
        raise cannot_write(path, error) from error


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """In here one process at a time has a folder, until the block or the process ends, however it does.

    Raises OutputError where another one has it. Where the system has no locks nobody is kept out.
    """
    try:
        lock = _lock(Path(os.path.realpath(folder)))
    except BlockingIOError as error:
        raise OutputError(
            f"cannot write {folder}: another process is writing it; wait for that one, or name another place"
        ) from error
    except OSError:
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def flush(path: Path) -> None:
    """Have a file, or all files below a folder, written to the disk. Raises OSError."""
    for one in path.rglob("*") if path.is_dir() else [path]:
        if one.is_file():
            _sync(one)


def check_places(places: Sequence[Place], *, force: bool = False) -> None:
    """Raise OutputError for the first place where no file can be written: for a word before long work, too.

    That is where a folder is, or no name can be; in a folder that cannot be written; twice the same; or, as TakenError
    and not with ``force``, where a file is that xaisigns did not write. An empty file is nobody's.
    """
    seen = set()
    for path, mark in places:
        try:
            _check_folder(_followed(path))
            _check_file(path, mark, force=force)
            key = os.path.realpath(path).casefold()
        except (OSError, ValueError) as error:
            raise cannot_write(path, error) from error
        if key in seen:
            raise OutputError(f"cannot write two files to {path}; give each a name of its own")
        seen.add(key)


def remove_own(places: Sequence[Place]) -> None:
    """Remove those of the files that xaisigns wrote or that are empty, and no link.

    Raises OutputError where one cannot be removed.
    """
    for path, mark in places:
        try:
            if path.is_file() and not path.is_symlink() and _has(path, mark):
                path.unlink()
        except OSError as error:
            raise cannot_write(path, error) from error


def cannot_write(path: Path | str, error: OSError | ValueError) -> OutputError:
    """Say in one line why ``path`` cannot be written."""
    reason = getattr(error, "strerror", None) or error
    return OutputError(f"cannot write {path}: {reason}; choose another place or make room")


def _followed(path: Path) -> Path:
    """The file that a link leads to, so that it is replaced and not the link; any other path as it is."""
    return Path(os.path.realpath(path)) if path.is_symlink() and path.exists() else path


def _check_folder(path: Path) -> None:
    folder, missing = path.absolute().parent, [path.name]
    while not _is_there(folder):
        folder, missing = folder.parent, [*missing, folder.name]
    for name in missing:
        _is_there(folder / name)  # The system only says of a folder that is there which names it can hold.
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _check_file(path: Path, mark: bytes, *, force: bool) -> None:
    if not _is_there(path):
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.is_symlink():  # another process took it away
            return
        mode = 0  # a link to nothing
    if stat.S_ISDIR(mode):
        raise OutputError(f"cannot write {path}: it is a folder; name a file instead")
    if mode and not stat.S_ISREG(mode):  # such as /dev/null
        raise OutputError(f"cannot write {path}: it is no regular file; name another place")
    try:
        ours = force or (mode and _has(path, mark))
    except FileNotFoundError:
        return
    if not ours:
        raise TakenError(f"{path} exists and was not written by xaisigns; give another place or --force")


def _has(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        first = file.read(_ENDS)
        file.seek(max(0, size - _ENDS))
        return not size or mark in first or mark in file.read()


def _is_there(path: Path) -> bool:
    """Whether there is anything, if only a link. Raises OSError where one cannot look or no file can have the name."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextlib.contextmanager
def _temporary(folder: Path, suffix: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder, locked as long as the block runs, so that nobody takes it for what a killed run left."""
    path, lock = None, None
    try:
        while True:
            path = folder / f".xaisigns-{secrets.token_hex(8)}{suffix}"
            make(path)
            try:
                lock = _lock(path)
            except (BlockingIOError, FileNotFoundError):
                continue  # A sweep was faster than the lock.
            except OSError:
                break  # Where there are no locks nothing is swept, either.
            if _is_there(path):
                break
            os.close(lock)
            lock = None
        yield path
    finally:  # From before it is made: a signal may come at any time.
        if path is not None:
            _remove(path)
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Have signals wait until the block ends, where this is the thread that hears them."""
    heard: list[int] = []
    handlers: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if callable(signal.getsignal(number)):  # else it is ignored, or ends the process
                    handlers[number] = signal.signal(number, lambda number, _: heard.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in heard:
            signal.raise_signal(late)


def _new_file(path: Path) -> None:
    # The kernel applies the umask: to ask for it would change it for other threads.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def _lock(path: Path) -> int:
    """A lock on the file that ends with the process. Raises OSError where there are no locks."""
    if sys.platform == "win32":
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _sweep_once(folder: Path) -> None:
    """Sweep a folder once per process, not for each of a thousand pictures."""
    key = os.path.realpath(folder)
    if key not in _swept:
        _swept.add(key)
        sweep(folder)


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders of processes that are no more."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _TEMPORARY.match(path.name):
                with contextlib.suppress(OSError):
                    lock = _lock(path)
                    _remove(path)
                    os.close(lock)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Flush a folder's list of names to disk, where the system allows it."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
