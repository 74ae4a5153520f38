"""Every download here is from a small server on 127.0.0.1 that can be told to misbehave."""

import hashlib
import io
import os
import random
import re
import socket
import stat
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from xaisigns.data import download as module
from xaisigns.data.download import ARCHIVES, Archive, download
from xaisigns.errors import DownloadError, OutputError

NAME = "signs.zip"
IMAGE = random.Random(0).randbytes(300_000)
MEMBERS = {
    "GTSRB/Final_Training/Images/00000/00000_00000.ppm": IMAGE,
    "GT-final_test.csv": b"Filename;Width\n",
}


def zipped(members: dict[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for member, content in members.items():
            bundle.writestr(member, content)
    return buffer.getvalue()


WHOLE = zipped(MEMBERS)


@dataclass
class Site:
    """What the server serves, how it misbehaves, and what it was asked."""

    url: str = ""
    content: bytes = WHOLE
    answers: list[int] = field(default_factory=list)  # HTTP status of the next answers, 200 after them
    redirect: str | None = None
    ranges: bool = True
    tells_length: bool = True
    tells_total: bool = True
    shift: int = 0  # bytes that a range starts too late
    drops: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    always_drop: int | None = None
    resets: bool = False  # a broken answer ends with a reset instead of an orderly end
    stalls: bool = False  # a broken answer is silent instead of ending
    lingers: bool = False  # the connection stays open after a whole answer
    finished: threading.Event = field(default_factory=threading.Event)
    asked: list[str | None] = field(default_factory=list)  # the Range header of every request
    sent: list[int] = field(default_factory=list)  # bytes of every answer

    def archive(self, md5: str | None = None) -> Archive:
        return Archive(NAME, f"{self.url}/{NAME}", md5 or hashlib.md5(self.content).hexdigest())


class Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        site, asked = self.site, self.headers["Range"]
        site.asked.append(asked)
        status = site.answers.pop(0) if site.answers else 200
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and site.ranges else 0
        if site.redirect:
            self.answer(302, {"Location": site.redirect})
        elif start >= len(site.content) > 0:
            self.answer(416, {})
        elif status != 200:
            self.answer(status, {})
        else:
            self.serve(start + site.shift if start else 0)

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def serve(self, start: int) -> None:
        site, body = self.site, self.site.content[start:]
        headers = {"Content-Length": str(len(body))} if site.tells_length else {}
        if start:
            total = len(site.content) if site.tells_total else "*"
            headers["Content-Range"] = f"bytes {start}-{len(site.content) - 1}/{total}"
        self.answer(206 if start else 200, headers)
        stop = site.drops.pop(0) if site.drops else site.always_drop
        site.sent.append(len(body[:stop]))
        try:
            self.wfile.write(body[:stop])
        except ConnectionError:  # the client was interrupted
            return
        if stop is None:
            if site.lingers:
                site.finished.wait(20)
        elif site.stalls:
            site.finished.wait(20)
        elif site.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0, 0.0))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": site}))
    server.daemon_threads = False
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.finished.set()
    server.shutdown()
    thread.join()
    server.server_close()


def there(root: Path) -> dict[str, bytes]:
    """Every file below ``root``, but those that remember what was downloaded."""
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if not name.endswith(".done")}


def leave_part(root: Path, content: bytes) -> Path:
    part = root / ".downloads" / f"{NAME}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content)
    return part


def message(error: pytest.ExceptionInfo[BaseException]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_official_archives_are_the_three_of_the_benchmark() -> None:
    assert [archive.name for archive in ARCHIVES] == [
        "GTSRB_Final_Training_Images.zip",
        "GTSRB_Final_Test_Images.zip",
        "GTSRB_Final_Test_GT.zip",
    ]
    for archive in ARCHIVES:
        assert archive.url.startswith("https://sid.erda.dk/public/archives/")
        assert archive.url.endswith(f"/{archive.name}")
        assert re.fullmatch("[0-9a-f]{32}", archive.md5)


def test_extracts_below_root_and_removes_the_archive(site: Site, tmp_path: Path) -> None:
    download(tmp_path / "new" / "root", [site.archive()])
    assert there(tmp_path / "new" / "root") == MEMBERS
    assert [path.name for path in (tmp_path / "new" / "root" / ".downloads").iterdir()] == [f"{NAME}.done"]
    assert site.asked == [None]


def test_existing_files_are_replaced_and_others_stay(site: Site, tmp_path: Path) -> None:
    (tmp_path / "GTSRB").mkdir()
    (tmp_path / "GTSRB" / "mine.txt").write_bytes(b"mine")
    (tmp_path / "GT-final_test.csv").write_bytes(b"old")
    download(tmp_path, [site.archive()])
    assert there(tmp_path) == {**MEMBERS, "GTSRB/mine.txt": b"mine"}


def test_second_run_asks_nothing(site: Site, tmp_path: Path) -> None:
    download(tmp_path, [site.archive()])
    calls: list[object] = []
    download(tmp_path, [site.archive()], lambda *call: calls.append(call))
    assert len(site.asked) == 1
    assert calls == []


@pytest.mark.parametrize("marker", [None, "", "[]", "{}", '{"md5": 1, "files": []}'])
def test_fetches_again_what_was_deleted_or_is_not_known_to_be_done(
    site: Site, tmp_path: Path, marker: str | None
) -> None:
    download(tmp_path, [site.archive()])
    if marker is None:
        (tmp_path / "GT-final_test.csv").unlink()
    else:
        (tmp_path / ".downloads" / f"{NAME}.done").write_text(marker)
    download(tmp_path, [site.archive()])
    assert len(site.asked) == 2
    assert there(tmp_path) == MEMBERS


def test_another_checksum_is_another_archive(site: Site, tmp_path: Path) -> None:
    download(tmp_path, [site.archive()])
    site.content = zipped({"newer.txt": b"newer"})
    download(tmp_path, [site.archive()])
    assert there(tmp_path) == {**MEMBERS, "newer.txt": b"newer"}


@pytest.mark.parametrize("name", [NAME, f"{NAME}.part"])
def test_whole_archive_from_before_is_used(site: Site, tmp_path: Path, name: str) -> None:
    leave_part(tmp_path, WHOLE).rename(tmp_path / ".downloads" / name)
    download(tmp_path, [site.archive()])
    assert site.asked == []
    assert there(tmp_path) == MEMBERS


def test_wrong_archive_from_before_is_replaced(site: Site, tmp_path: Path) -> None:
    leave_part(tmp_path, b"of another day").rename(tmp_path / ".downloads" / NAME)
    download(tmp_path, [site.archive()])
    assert there(tmp_path) == MEMBERS


def test_resumes_with_only_the_rest(site: Site, tmp_path: Path) -> None:
    leave_part(tmp_path, WHOLE[:100_000])
    calls: list[tuple[str, int, int | None]] = []
    download(tmp_path, [site.archive()], lambda *call: calls.append(call))
    assert site.asked == ["bytes=100000-"]
    assert site.sent == [len(WHOLE) - 100_000]
    assert calls[0] == (NAME, 100_000, len(WHOLE))
    assert there(tmp_path) == MEMBERS


def test_resumes_when_the_range_does_not_tell_the_total(site: Site, tmp_path: Path) -> None:
    leave_part(tmp_path, WHOLE[:1000])
    site.tells_total = False
    download(tmp_path, [site.archive()])
    assert site.asked == ["bytes=1000-"]
    assert there(tmp_path) == MEMBERS


def test_dropped_connection_is_resumed_in_the_same_run(site: Site, tmp_path: Path) -> None:
    site.drops = [120_000, 30_000]
    calls: list[tuple[str, int, int | None]] = []
    download(tmp_path, [site.archive()], lambda *call: calls.append(call))
    assert site.asked == [None, "bytes=120000-", "bytes=150000-"]
    assert sum(site.sent) == len(WHOLE)
    assert there(tmp_path) == MEMBERS
    sizes = [size for _, size, _ in calls]
    assert sizes == sorted(sizes)
    assert calls[-1] == (NAME, len(WHOLE), len(WHOLE))


@pytest.mark.parametrize("way", ["resets", "stalls"])
def test_reset_and_silent_connections_are_resumed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 1.0)
    setattr(site, way, True)
    site.drops = [120_000]
    download(tmp_path, [site.archive()])
    assert len(site.asked) >= 2  # more when the machine is busy
    assert there(tmp_path) == MEMBERS


def test_connection_that_always_drops_ends_in_an_error_that_keeps_the_part(site: Site, tmp_path: Path) -> None:
    site.always_drop = 1000
    with pytest.raises(DownloadError) as error:
        download(tmp_path, [site.archive()])
    assert site.asked == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]
    assert there(tmp_path) == {f".downloads/{NAME}.part": WHOLE[:4000]}
    assert re.fullmatch(
        rf"wanted http://\S+/{NAME}, got 4,000 bytes in 4 tries \(the last: the connection ended at 4,000 of "
        rf"{len(WHOLE):,} bytes\); check the network and run this command again: it goes on where it stopped",
        message(error),
    )
    site.always_drop = None
    download(tmp_path, [site.archive()])
    assert site.asked[4:] == ["bytes=4000-"]
    assert there(tmp_path) == MEMBERS


def test_pauses_grow_and_are_bounded(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    site.always_drop = 10
    with pytest.raises(DownloadError):
        download(tmp_path, [site.archive()])
    assert pauses == sorted(pauses)
    assert 0 < sum(pauses) < 20
    assert len(site.asked) == len(pauses) + 1


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", ())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: it refuses
        archive = Archive(NAME, f"http://127.0.0.1:{unused.getsockname()[1]}/{NAME}", "0" * 32)
        with pytest.raises(DownloadError, match=r"got 0 bytes in 1 tries .*refused.*check the network") as error:
            download(tmp_path, [archive])
    assert message(error)


def test_interrupted_download_is_kept_and_resumed(site: Site, tmp_path: Path) -> None:
    def interrupt(_name: str, size: int, _total: int | None) -> None:
        if size > 50_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(tmp_path, [site.archive()], interrupt)
    kept = there(tmp_path)[f".downloads/{NAME}.part"]
    assert len(kept) > 50_000
    assert WHOLE.startswith(kept)
    download(tmp_path, [site.archive()])
    assert site.asked == [None, f"bytes={len(kept)}-"]
    assert there(tmp_path) == MEMBERS


def test_server_that_ignores_ranges_starts_over(site: Site, tmp_path: Path) -> None:
    leave_part(tmp_path, WHOLE[:100_000])
    site.ranges = False
    calls: list[int] = []
    download(tmp_path, [site.archive()], lambda _name, size, _total: calls.append(size))
    assert site.asked == ["bytes=100000-"]
    assert calls[0] == 0
    assert there(tmp_path) == MEMBERS


def test_server_that_gives_another_range_starts_over(site: Site, tmp_path: Path) -> None:
    site.drops = [1000]
    site.shift = 7
    download(tmp_path, [site.archive()])
    assert site.asked == [None, "bytes=1000-", None]
    assert there(tmp_path) == MEMBERS


@pytest.mark.parametrize("size", [5000, len(WHOLE), len(WHOLE) + 5000])
def test_part_of_another_file_ends_in_the_right_content(site: Site, tmp_path: Path, size: int) -> None:
    leave_part(tmp_path, b"x" * size)
    download(tmp_path, [site.archive()])
    assert site.asked == [f"bytes={size}-", None]
    assert there(tmp_path) == MEMBERS


def test_answer_without_length(site: Site, tmp_path: Path) -> None:
    site.tells_length = False
    calls: list[tuple[str, int, int | None]] = []
    download(tmp_path, [site.archive()], lambda *call: calls.append(call))
    assert calls[0] == (NAME, 0, None)
    assert calls[-1] == (NAME, len(WHOLE), None)
    assert there(tmp_path) == MEMBERS


def test_connection_left_open_by_the_server_is_not_waited_for(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 5.0)
    site.lingers = True
    download(tmp_path, [site.archive()])
    assert len(site.asked) == 1
    assert there(tmp_path) == MEMBERS


def test_progress_begins_at_nothing_and_ends_at_the_total(site: Site, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int | None]] = []
    download(tmp_path, [site.archive()], lambda *call: calls.append(call))
    sizes = [size for _, size, _ in calls]
    assert sizes[0] == 0
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(WHOLE)
    assert len(sizes) > 3
    assert {(name, total) for name, _, total in calls} == {(NAME, len(WHOLE))}


def test_wrong_bytes_are_deleted_and_both_checksums_told(site: Site, tmp_path: Path) -> None:
    archive = site.archive(md5="0" * 32)
    with pytest.raises(DownloadError) as error:
        download(tmp_path, [archive])
    got = hashlib.md5(WHOLE).hexdigest()
    assert f"wanted a file with MD5 {'0' * 32}, got {got}, which was deleted; run the same" in message(error)
    assert there(tmp_path) == {}
    assert site.asked == [None]


def test_http_error_is_told_at_once(site: Site, tmp_path: Path) -> None:
    site.answers = [404]
    with pytest.raises(DownloadError, match="got HTTP 404 Not Found; check the address") as error:
        download(tmp_path, [site.archive()])
    assert site.url in message(error)
    assert len(site.asked) == 1
    assert there(tmp_path) == {}


def test_passing_http_error_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.answers = [503, 429]
    download(tmp_path, [site.archive()])
    assert len(site.asked) == 3
    assert there(tmp_path) == MEMBERS


def test_lasting_http_error_is_told(site: Site, tmp_path: Path) -> None:
    site.answers = [503] * 9
    with pytest.raises(DownloadError, match="HTTP 503 Service Unavailable"):
        download(tmp_path, [site.archive()])
    assert len(site.asked) == 4


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "ftp://127.0.0.1/a.zip",
        "data:,a",
        "",
        "http://[",
        "http://127.0.0.1/\u00e4.zip",
        "C:\\a",
    ],
)
def test_other_addresses_are_refused_before_anything_is_done(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match=r"wanted an http\(s\) address, got") as error:
        download(tmp_path / "root", [*ARCHIVES, Archive(NAME, url, "0" * 32)])
    assert repr(url) in message(error)
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("file:///etc/hostname", "Redirection to url 'file:///etc/hostname' is not allowed"),
        ("ftp://127.0.0.1/a.zip", "unknown url type: ftp"),
        ("/again", "infinite loop"),
    ],
)
def test_redirects_elsewhere_or_without_end_are_refused(site: Site, tmp_path: Path, target: str, reason: str) -> None:
    site.redirect = target
    with pytest.raises(DownloadError) as error:
        download(tmp_path, [site.archive()])
    assert f"wanted {site.url}" in message(error)
    assert reason in message(error)
    assert there(tmp_path) == {}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "GTSRB/../../evil.txt",
        "..",
        "/tmp/evil.txt",
        "//server/evil.txt",
        "C:evil.txt",
        "c:/evil.txt",
        "..\\evil.txt",
        "GTSRB\\evil.txt",
        "\\\\server\\evil.txt",
        "sign.ppm:hidden",
        "two\nlines.txt",
        ".",
        ".downloads/other.zip.done",
        "./.Downloads/other.zip.done",
        "../folder/",
    ],
)
def test_unsafe_member_refuses_the_whole_archive(site: Site, tmp_path: Path, name: str) -> None:
    site.content = zipped({"first.txt": b"sound", name: b"evil", "last.txt": b"sound"})
    refused(site, tmp_path, name)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_refuse_the_whole_archive(site: Site, tmp_path: Path, kind: int) -> None:
    member = zipfile.ZipInfo("GTSRB/link")
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    site.content = zipped({"first.txt": b"sound", member: b"/etc"})
    refused(site, tmp_path, "GTSRB/link")


def test_unusual_packing_refuses_the_whole_archive(site: Site, tmp_path: Path) -> None:
    member = zipfile.ZipInfo("packed.txt")
    site.content = zipped({"first.txt": b"sound", member: b"packed"})
    at = site.content.rindex(b"PK\x01\x02")
    site.content = site.content[: at + 10] + struct.pack("<H", zipfile.ZIP_LZMA) + site.content[at + 12 :]
    refused(site, tmp_path, "packed.txt")


def refused(site: Site, tmp_path: Path, member: str) -> None:
    with pytest.raises(DownloadError, match="wanted plain files inside its folder") as error:
        download(tmp_path / "a" / "root", [site.archive()])
    assert repr(member) in message(error)
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "root", ".downloads"]


def test_too_much_to_extract_is_refused(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    total = sum(map(len, MEMBERS.values()))
    monkeypatch.setattr(module, "LARGEST", total - 1)
    with pytest.raises(DownloadError, match=f"wanted at most {total - 1:,} bytes .*got {total:,}; nothing"):
        download(tmp_path, [site.archive()])
    assert there(tmp_path) == {}
    monkeypatch.setattr(module, "LARGEST", total)
    download(tmp_path, [site.archive()])
    assert there(tmp_path) == MEMBERS


def test_too_many_members_are_refused(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MEMBERS", 1)
    with pytest.raises(DownloadError, match="wanted at most 1 members, got 2; nothing was extracted"):
        download(tmp_path, [site.archive()])
    assert there(tmp_path) == {}


def test_a_list_of_members_too_long_for_memory_is_not_read(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the archive says so, and no more than that is read."""
    monkeypatch.setattr(module, "_LARGEST_DIRECTORY", 70_000)
    end = WHOLE.rindex(b"PK\x05\x06")
    site.content = WHOLE[:end] + bytes(80_000) + WHOLE[end : end + 12] + struct.pack("<I", 80_000) + WHOLE[end + 16 :]
    with pytest.raises(DownloadError, match=r"got a broken one \(its list of members has 80,000 bytes"):
        download(tmp_path, [site.archive()])
    assert there(tmp_path) == {}


CLASHES = [
    ("GTSRB/a.ppm", "GTSRB/a.ppm"),
    ("GTSRB/a.ppm", "GTSRB/A.PPM"),
    ("GTSRB/a.ppm", "gtsrb/a.ppm"),
    ("GTSRB/a.ppm", "./GTSRB//a.ppm"),
    ("GTSRB/a.ppm", "GTSRB/a.ppm."),
    ("GTSRB/a.ppm", "GTSRB/a.ppm "),
    ("\u00fc.ppm", "u\u0308.ppm"),
    ("stra\u00dfe.ppm", "STRASSE.ppm"),
    ("a", "a/b"),
    ("a/b", "a"),
    ("a/b/c", "A"),
    ("A", "a/b/c"),
    ("a", "a/"),
    ("a/", "A"),
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("one", "other"), CLASHES)
def test_one_place_twice_refuses_the_whole_archive(site: Site, tmp_path: Path, one: str, other: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name in ("first.txt", one, other, "last.txt"):
            bundle.writestr(name, b"" if name.endswith("/") else b"sound")
    site.content = buffer.getvalue()
    with pytest.raises(DownloadError, match="wanted each member once, got ") as error:
        download(tmp_path / "a" / "root", [site.archive()])
    assert f"got {one!r} and {other!r}, which are one place" in message(error)
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "root", ".downloads"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_folders_may_be_named_before_what_is_in_them_and_twice(site: Site, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name in ("a/", "a/b/", "a/b/c", "a/b/", "A/"):
            bundle.writestr(name, b"" if name.endswith("/") else b"sound")
    site.content = buffer.getvalue()
    download(tmp_path, [site.archive()])
    assert there(tmp_path) == {"a/b/c": b"sound"}


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_server_that_never_ends_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tells_length: bool
) -> None:
    monkeypatch.setattr(module, "LARGEST_ARCHIVE", 100_000)
    site.tells_length = tells_length
    calls: list[int] = []
    with pytest.raises(
        DownloadError, match=r"wanted at most 100,000 bytes, got [\d,]+ or more, which were del"
    ) as error:
        download(tmp_path, [site.archive()], lambda _name, size, _total: calls.append(size))
    assert message(error)
    assert max(calls, default=0) <= 100_000
    assert bool(calls) != tells_length
    assert len(site.asked) == 1
    assert there(tmp_path) == {}
    monkeypatch.setattr(module, "LARGEST_ARCHIVE", len(WHOLE))
    download(tmp_path, [site.archive()])
    assert there(tmp_path) == MEMBERS


def test_a_range_of_a_file_that_is_too_large_is_refused(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_part(tmp_path, WHOLE[:50_000])
    monkeypatch.setattr(module, "LARGEST_ARCHIVE", 100_000)
    with pytest.raises(DownloadError, match=f"got {len(WHOLE):,} or more"):
        download(tmp_path, [site.archive()])
    assert there(tmp_path) == {}


def test_member_larger_than_it_declares_is_refused(site: Site, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("bomb", bytes(1_000_000))
    site.content = buffer.getvalue().replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10))
    broken(site, tmp_path)


def truncated() -> bytes:
    return WHOLE[: len(WHOLE) // 2]


def damaged() -> bytes:
    """The second member differs from its CRC, so that the first is sound when it is found."""
    return WHOLE.replace(b"Filename;", b"Filename:")


def encrypted() -> bytes:
    at = WHOLE.rindex(b"PK\x01\x02") + 8
    local = WHOLE.rindex(b"PK\x03\x04") + 6
    flagged = bytearray(WHOLE)
    flagged[at] |= 1
    flagged[local] |= 1
    return bytes(flagged)


def bad_deflate() -> bytes:
    member = zipfile.ZipInfo("a")
    member.compress_type = zipfile.ZIP_DEFLATED
    content = bytearray(zipped({member: bytes(100)}))
    content[30 + len(member.filename)] = 0xFF  # a kind of block that does not exist
    return bytes(content)


def longer_than_the_file() -> bytes:
    content = zipped({"a": bytes(100)})
    sizes = struct.pack("<II", 100, 100)
    at = content.rindex(sizes)
    return content[:at] + struct.pack("<II", 10_000, 10_000) + content[at + len(sizes) :]


def before_the_beginning() -> bytes:
    end = WHOLE.rindex(b"PK\x05\x06")
    return WHOLE[: end + 16] + struct.pack("<I", len(WHOLE) * 2) + WHOLE[end + 20 :]


def name_not_utf8() -> bytes:
    return zipped({"\u00e4": b"a"}).replace("\u00e4".encode(), b"\xff\xff")


def no_zip() -> bytes:
    return b"<html>Please log in</html>"


def empty() -> bytes:
    return b""


@pytest.mark.parametrize(
    "content",
    [
        truncated,
        damaged,
        encrypted,
        bad_deflate,
        longer_than_the_file,
        before_the_beginning,
        name_not_utf8,
        no_zip,
        empty,
    ],
)
def test_broken_zip_with_the_right_checksum(site: Site, tmp_path: Path, content: Callable[[], bytes]) -> None:
    site.content = content()
    broken(site, tmp_path)


def broken(site: Site, root: Path) -> None:
    with pytest.raises(DownloadError, match=r"wanted a whole zip file, got a broken one") as error:
        download(root, [site.archive()])
    assert NAME in message(error)
    assert "report it" in message(error)
    assert "()" not in message(error)
    assert [path.name for path in root.rglob("*")] == [".downloads"]


def test_what_a_killed_extraction_left_is_cleared(site: Site, tmp_path: Path) -> None:
    leave_part(tmp_path, WHOLE).rename(tmp_path / ".downloads" / NAME)
    (tmp_path / ".downloads" / f"{NAME}.extracting" / "GT-final_test.csv").mkdir(parents=True)
    download(tmp_path, [site.archive()])
    assert there(tmp_path) == MEMBERS


def test_what_a_kill_left_of_a_finished_archive_is_removed(site: Site, tmp_path: Path) -> None:
    download(tmp_path, [site.archive()])
    work = tmp_path / ".downloads"
    (work / NAME).write_bytes(WHOLE)
    (work / f"{NAME}.part").write_bytes(WHOLE)
    (work / f"{NAME}.extracting" / "GTSRB").mkdir(parents=True)
    download(tmp_path, [site.archive()])
    assert [path.name for path in work.iterdir()] == [f"{NAME}.done"]
    assert len(site.asked) == 1


def test_earlier_archives_stay_when_a_later_one_fails(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"other\.zip"):
        download(tmp_path, [site.archive(), Archive("other.zip", f"{site.url}/other.zip", "0" * 32)])
    assert there(tmp_path) == MEMBERS
    download(tmp_path, [site.archive()])
    assert len(site.asked) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk(site: Site, tmp_path: Path) -> None:
    leave_part(tmp_path, b"").unlink()
    (tmp_path / ".downloads" / f"{NAME}.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"cannot write .*No space left on device; .*make room") as error:
        download(tmp_path, [site.archive()])
    assert message(error)
    assert len(site.asked) == 1


def test_root_that_is_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"cannot write .*file"):
        download(tmp_path / "file", [site.archive()])
    assert there(tmp_path) == {"file": b"mine"}
    assert site.asked == []


def test_folder_in_the_place_of_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "GT-final_test.csv").mkdir()
    place = re.escape(str(tmp_path / "GT-final_test.csv"))
    with pytest.raises(OutputError, match=f"cannot write {place}: Is a directory"):
        download(tmp_path, [site.archive()])
    (tmp_path / "GT-final_test.csv").rmdir()
    download(tmp_path, [site.archive()])
    assert len(site.asked) == 1
    assert there(tmp_path) == MEMBERS
