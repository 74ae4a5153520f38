"""What lies in a folder, without what systems and programs leave in every folder; what cannot be read is named."""

import errno
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from xaisigns.base.files import is_file, is_folder
from xaisigns.errors import DataError

# What file systems, archivers and storage devices put beside people's folders; all else of theirs is hidden.
_FOREIGN = {
    "__macosx",
    "__pycache__",
    "@eadir",
    "@tmp",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "lost+found",
    "found.000",
    "network trash folder",
    "temporary items",
    "thumbs.db",
    "desktop.ini",
}
# Those that torchvision's ImageFolder takes for images.
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
_MOST_BY_LINK = 10_000  # folders: links that lead to links multiply


class Found(NamedTuple):
    """A file or a folder, or a link to one."""

    path: Path
    is_folder: bool
    is_link: bool


def entries(folder: Path) -> list[Found]:
    """The files and folders in a folder, in the order of their names; what is hidden or foreign is left out.

    Raises DataError, with the path, for a folder that may not be read and for a link that leads nowhere.
    """
    found = []
    for entry in _scanned(folder):
        path, is_folder_itself = folder / entry.name, entry.is_dir(follow_symlinks=False)
        found.append(_led_to(path) if entry.is_symlink() else Found(path, is_folder_itself, is_link=False))
    return found


def is_image(path: Path) -> bool:
    """Whether a file has the suffix of an image, in letters of either case."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_foreign(name: str) -> bool:
    """Whether a name is hidden, or one that systems give to files and folders of their own."""
    return name.startswith(".") or name.casefold() in _FOREIGN


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder, without what is hidden or foreign.

    Links are followed, as torchvision's ImageFolder does, so that a file with two names comes twice; but not into a
    folder that the link lies in, where ImageFolder goes round until the system stops it. Raises DataError as
    ``entries`` does, and where links lead to more folders than anyone has.
    """
    outside = {_identity(path) for path in (*folder.absolute().parents, *folder.resolve().parents)}
    waiting = [(folder, frozenset(outside), False)]
    by_link = 0
    while waiting:
        place, above, linked = waiting.pop()
        by_link += linked
        if by_link > _MOST_BY_LINK:
            raise DataError(f"links below {folder} lead to more than {_MOST_BY_LINK:,} folders; delete some of them")
        within = above | {_identity(place)}
        for found in entries(place):
            if not found.is_folder:
                yield found.path
            elif not (found.is_link and _identity(found.path) in within):
                waiting.append((found.path, within, linked or found.is_link))


class Listing:
    """The names in a folder, found whatever the case of their letters.

    Raises DataError, with the path, for a folder that may not be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._is_link = folder, {entry.name: entry.is_symlink() for entry in _scanned(folder)}
        self._alike: dict[str, list[str]] = {}

    def find(self, name: str) -> list[Path]:
        """What has this name, else whatever has it in another case. Raises DataError for a link that leads nowhere."""
        is_link = self._is_link.get(name)
        if is_link is False:
            return [self._folder / name]
        names = [name] if is_link else self._written_otherwise(name)
        return [_led_to(self._folder / there).path if self._is_link[there] else self._folder / there for there in names]

    def _written_otherwise(self, name: str) -> list[str]:
        if not self._alike:
            for there in self._is_link:
                self._alike.setdefault(plain(there), []).append(there)
        return self._alike.get(plain(name), [])


def plain(name: str) -> str:
    """A name as a file system sees it that ignores case and the composition of letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scanned:
            found = [entry for entry in scanned if not is_foreign(entry.name) and _is_ordinary(entry)]
        if found and not os.access(folder, os.X_OK):
            raise PermissionError(errno.EACCES, "what is in it may not be opened")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{folder} cannot be read: {reason}; see that it is a folder with permission to read"
        ) from error
    return sorted(found, key=lambda entry: entry.name)


def _is_ordinary(entry: os.DirEntry[str]) -> bool:
    # What waits for another process (a pipe, a socket) or has no end (a device) is nobody's image.
    return entry.is_symlink() or entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)


def _led_to(link: Path) -> Found:
    if is_folder(link):
        return Found(link, is_folder=True, is_link=True)
    if not is_file(link):
        raise DataError(f"{link} is a link to nothing, {str(link.readlink())!r}; bring that back, or delete the link")
    return Found(link, is_folder=False, is_link=True)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
