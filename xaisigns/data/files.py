"""Files and folders: what is there, and how to write them whole or not at all."""

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from xaisigns.errors import DataError, OutputError

# What the system answers for a path where nothing is, or nothing can be.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}


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
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to; it becomes ``path`` only if the block succeeds.

    Missing parent folders are made. Raises OutputError when the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_folder(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    except OSError as error:
        raise cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; its content becomes that of ``path`` only if the block succeeds.

    ``path`` may be an empty folder; missing parents are made. Raises OutputError when there is something in it, when it
    is a file, or when the place cannot be written.
    """
    there = path.exists()
    if there and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(f"{path} is not an empty folder; name a new one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # An empty folder may be a mount point, which cannot be replaced: then it is filled.
        temporary = Path(tempfile.mkdtemp(dir=path if there else path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield temporary
        if there:
            for part in temporary.iterdir():
                part.replace(path / part.name)
        else:
            temporary.chmod(0o777 & ~_umask())
            temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_folder(path: Path) -> None:
    """Raise OutputError where a file is wanted and a folder is: for a word before long work, too."""
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file instead")


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Say in one line why ``path`` cannot be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}; choose another place or make room")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
