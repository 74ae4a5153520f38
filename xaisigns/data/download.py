"""The official GTSRB archives: fetched, checked and extracted, going on where an earlier run stopped."""

import hashlib
import http.client
import io
import json
import os
import re
import shutil
import stat
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from xaisigns.base.files import cannot_write, is_file, whole_file
from xaisigns.base.progress import Progress, silent
from xaisigns.data.listing import plain
from xaisigns.errors import DownloadError


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip file on a server: its file name, its address, and the checksum in lower hexadecimal digits."""

    name: str
    url: str
    md5: str


_OFFICIAL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
ARCHIVES: tuple[Archive, ...] = tuple(
    Archive(name, _OFFICIAL + name, md5)
    for name, md5 in (
        ("GTSRB_Final_Training_Images.zip", "f33fd80ac59bff73c82d25ab499e03a3"),
        ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
        ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
    )
)

WORK_FOLDER = ".downloads"
PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before each further try
TIMEOUT = 30.0  # seconds without a byte
LARGEST = 4 * 1024**3  # bytes that one archive may extract to
LARGEST_ARCHIVE = 1024**3  # bytes that one archive may have; the largest of the three has 277 million
MOST_MEMBERS = 100_000  # of one archive; the largest has 39,296
_LARGEST_DIRECTORY = 16 * 1024**2  # bytes; so long is the list of MOST_MEMBERS with long names
_CHUNK = 1 << 16
_PASSING = {408, 429, 500, 502, 503, 504}  # HTTP answers that another try may better
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)
_FILE_AND_FOLDER = (FileExistsError, NotADirectoryError, IsADirectoryError)  # one name twice in an archive


def download(root: Path, archives: Sequence[Archive] = ARCHIVES, progress: Progress = silent) -> None:
    """Fetch the archives and extract them directly below ``root``, but none that is already there.

    ``progress`` gets the archive's name, the bytes so far and their total (None when the server does not say); the
    bytes go down only when the server makes a broken download start over. An interrupted download stays
    in ``root/.downloads`` and is resumed by the next call, which also removes what a kill left there. Empty folders of
    an archive are not made.
    Raises DownloadError when an archive cannot be fetched, is not the wanted one, is broken or is unsafe to
    extract (nothing of it is extracted then), and OutputError when ``root`` cannot be written.
    Source: [stallkamp2012man].
    """
    for archive in archives:
        _refuse_address(archive)
    work = root / WORK_FOLDER
    try:
        work.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            if not _is_done(archive, root):
                _fetch(archive, work, progress)
                _extract(archive, root)
            _clear(archive, work)
    except OSError as error:
        raise cannot_write(Path(error.filename2 or error.filename or root), error) from error


class _DroppedError(Exception):
    """The connection failed in a way that another try may better."""


def _refuse_address(archive: Archive) -> None:
    try:
        sound = urlsplit(archive.url).scheme in ("http", "https") and archive.url.isascii()
    except ValueError:
        sound = False
    if not sound:
        raise DownloadError(f"{archive.name}: wanted an http(s) address, got {archive.url!r}; correct it")


def _is_done(archive: Archive, root: Path) -> bool:
    # The files are looked for, so that the same command brings back what was deleted since.
    try:
        done = json.loads((root / WORK_FOLDER / f"{archive.name}.done").read_text(encoding="utf-8"))
        return done["md5"] == archive.md5 and all(is_file(root / name) for name in done["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _clear(archive: Archive, work: Path) -> None:
    for left in (archive.name, f"{archive.name}.part"):
        (work / left).unlink(missing_ok=True)
    shutil.rmtree(work / f"{archive.name}.extracting", ignore_errors=True)


def _fetch(archive: Archive, work: Path, progress: Progress) -> None:
    whole, part = work / archive.name, work / f"{archive.name}.part"
    if _md5(whole) == archive.md5:
        return
    got = _md5(part)
    # What an earlier run left may be of another file: then the whole is fetched once more from its start.
    for _ in range(2 if part.is_file() else 1):
        if got != archive.md5:
            _complete(archive, part, progress)
            got = _md5(part)
        if got == archive.md5:
            part.replace(whole)
            return
        part.unlink()
    raise DownloadError(
        f"{archive.url}: wanted a file with MD5 {archive.md5}, got {got}, which was deleted; run the same "
        "command again, and if that does not help, see in a browser whether a login page answers instead"
    )


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _complete(archive: Archive, part: Path, progress: Progress) -> None:
    for pause in (*PAUSES, None):
        try:
            _receive(archive, part, progress)
        except _DroppedError as error:
            if pause is None:
                raise DownloadError(
                    f"wanted {archive.url}, got {_size(part):,} bytes in {len(PAUSES) + 1} tries (the last: "
                    f"{error}); check the network and run this command again: it goes on where it stopped"
                ) from error
            time.sleep(pause)
        else:
            return


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _receive(archive: Archive, part: Path, progress: Progress) -> None:
    with _answer(archive, part) as response:
        size, total = _span(response, part)
        _refuse_size(archive, total or 0, part)
        with part.open("ab" if size else "wb") as file:
            while total is None or size < total:
                progress(archive.name, size, total)
                chunk = _chunk(response)
                if not chunk:
                    break
                _refuse_size(archive, size + len(chunk), part)
                file.write(chunk)
                size += len(chunk)
    if total is not None and size < total:
        raise _DroppedError(f"the connection ended at {size:,} of {total:,} bytes")
    progress(archive.name, size, total)


def _refuse_size(archive: Archive, size: int, part: Path) -> None:
    if size > LARGEST_ARCHIVE:
        part.unlink(missing_ok=True)
        raise DownloadError(
            f"{archive.url}: wanted at most {LARGEST_ARCHIVE:,} bytes, got {size:,} or more, which were deleted; "
            "see in a browser what is there"
        )


def _answer(archive: Archive, part: Path) -> http.client.HTTPResponse:
    offset = _size(part)
    # No If-Range: the checksum is known beforehand, so a file that changed on the server is refused anyway.
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    request = urllib.request.Request(archive.url, headers=headers)  # noqa: S310 - http(s), see _refuse_address
    try:
        response: http.client.HTTPResponse = _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        answer = f"HTTP {error.code} {' '.join(str(error.reason).split())}"
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
            part.unlink()
            raise _DroppedError("what was here was longer than the file") from error
        if error.code in _PASSING:
            raise _DroppedError(answer) from error
        raise DownloadError(f"wanted {archive.url}, got {answer}; check the address or try later") from error
    except (OSError, http.client.HTTPException) as error:
        raise _DroppedError(getattr(error, "reason", None) or error) from error
    return response


def _opener() -> urllib.request.OpenerDirector:
    # urllib's own opener would follow a redirect to ftp.
    opener = urllib.request.OpenerDirector()
    for name in ("Proxy", "HTTP", "HTTPS", "HTTPDefaultError", "HTTPRedirect", "Unknown"):
        opener.add_handler(getattr(urllib.request, f"{name}Handler")())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    return opener


def _span(response: http.client.HTTPResponse, part: Path) -> tuple[int, int | None]:
    """Where in the file the answer starts and how long the file is."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0, response.length
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != _size(part):
        part.unlink(missing_ok=True)
        raise _DroppedError("the server gave another piece of the file than was asked for")
    return int(found[1]), int(found[2]) + 1 if found[3] == "*" else int(found[3])


def _chunk(response: http.client.HTTPResponse) -> bytes:
    # Apart from the writing, so that a broken connection is not taken for a full disk: both are OSError.
    try:
        return response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _DroppedError(error) from error


def _extract(archive: Archive, root: Path) -> None:
    whole, staging = root / WORK_FOLDER / archive.name, root / WORK_FOLDER / f"{archive.name}.extracting"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        names = _unpack(whole, staging)
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(root / name)
    except DownloadError:
        whole.unlink()
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    with whole_file(root / WORK_FOLDER / f"{archive.name}.done") as marker:
        marker.write_text(json.dumps({"md5": archive.md5, "files": names}), encoding="utf-8")
    whole.unlink()


def _unpack(whole: Path, staging: Path) -> list[str]:
    try:
        with _OfShortReads(whole) as file, zipfile.ZipFile(file) as bundle:
            _refuse_unsafe(bundle, whole.name)
            _refuse_clashes(bundle, whole.name)
            files = [member for member in bundle.infolist() if not member.is_dir()]
            for member in files:
                place = staging / member.filename
                place.parent.mkdir(parents=True, exist_ok=True)
                with bundle.open(member) as source, place.open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (*_BROKEN_ZIP, *_FILE_AND_FOLDER) as error:
        raise DownloadError(
            f"{whole.name}: wanted a whole zip file, got a broken one ({str(error) or 'it ends too soon'}), which was "
            "deleted; its checksum was right, so report it to those who publish it"
        ) from error
    return [member.filename for member in files]


class _OfShortReads(io.FileIO):
    """An archive whose list of members, which zipfile reads as one piece, is of a length that memory can hold.

    A member that lies before the archive's beginning is no fault of the disk either.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LARGEST_DIRECTORY:
            raise zipfile.BadZipFile(f"its list of members has {size:,} bytes")
        return super().read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if offset < 0 and whence == os.SEEK_SET:
            raise zipfile.BadZipFile(f"a member begins at byte {offset:,}")
        return super().seek(offset, whence)


def _refuse_unsafe(bundle: zipfile.ZipFile, archive_name: str) -> None:
    # zipfile never gives more of a member than it declares, so the declared total bounds the actual one.
    total = sum(member.file_size for member in bundle.infolist())
    if total > LARGEST:
        raise DownloadError(
            f"{archive_name}: wanted at most {LARGEST:,} bytes when extracted, got {total:,}; nothing was "
            "extracted and the archive was deleted: do not use it"
        )
    if len(bundle.infolist()) > MOST_MEMBERS:
        raise DownloadError(
            f"{archive_name}: wanted at most {MOST_MEMBERS:,} members, got {len(bundle.infolist()):,}; nothing was "
            "extracted and the archive was deleted: do not use it"
        )
    for member in bundle.infolist():
        if not (_is_plain(member) and _stays_below(member.orig_filename)):
            raise DownloadError(
                f"{archive_name}: wanted plain files inside its folder, got {member.orig_filename!r}; "
                "nothing was extracted and the archive was deleted: do not use it"
            )


def _refuse_clashes(bundle: zipfile.ZipFile, archive_name: str) -> None:
    # Alike on every system: some tell neither case nor the composition of letters apart, nor dots at a name's end.
    files: dict[tuple[str, ...], str] = {}
    folders: dict[tuple[str, ...], str] = {}
    for member in bundle.infolist():
        name = member.filename
        place = tuple(plain(part).rstrip(". ") for part in PurePosixPath(name).parts)
        first = files.get(place) or (None if member.is_dir() else folders.get(place))
        for depth in range(1, len(place) + member.is_dir()):
            folders.setdefault(place[:depth], name)
            first = first or files.get(place[:depth])
        if first:
            raise DownloadError(
                f"{archive_name}: wanted each member once, got {first!r} and {name!r}, which are one place on some "
                "systems; nothing was extracted and the archive was deleted: do not use it"
            )
        if not member.is_dir():
            files[place] = name


def _is_plain(member: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(member.external_attr >> 16)
    packing = member.compress_type
    return kind in (0, stat.S_IFREG, stat.S_IFDIR) and packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def _stays_below(name: str) -> bool:
    # Alike on every system: on Windows a backslash separates, and a colon makes a drive or a hidden stream.
    if not name.isprintable() or name.startswith("/") or "\\" in name or ":" in name:
        return False
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and not parts[0].lower().startswith(WORK_FOLDER)
