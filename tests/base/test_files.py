import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from xaisigns.base import files
from xaisigns.base.files import (
    Place,
    cannot_write,
    check_places,
    flush,
    held,
    is_file,
    is_folder,
    whole_file,
    whole_files,
    whole_folder,
)
from xaisigns.errors import OutputError, TakenError

MARK = b"made by us"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_half(path, error):
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise error


def test_what_was_written_is_there_afterwards_and_nothing_else(tmp_path):
    with whole_file(tmp_path / "new" / "folder" / "report.json") as path:
        path.write_text("whole")
    assert (tmp_path / "new" / "folder" / "report.json").read_text() == "whole"
    assert names(tmp_path / "new" / "folder") == ["report.json"]


def test_the_place_is_untouched_until_the_block_ends(tmp_path):
    target = tmp_path / "report.json"
    target.write_text("old")
    with whole_file(target) as path:
        path.write_text("new")
        assert target.read_text() == "old"
        assert path.parent == target.parent  # on the same file system, so that the renaming cannot be half done
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        write_half(tmp_path / "report.json", error())
    assert names(tmp_path) == []


def test_a_failure_keeps_the_old_content(tmp_path):
    (tmp_path / "report.json").write_text("old")
    with pytest.raises(ValueError, match="stop"):
        write_half(tmp_path / "report.json", ValueError("stop"))
    assert (tmp_path / "report.json").read_text() == "old"
    assert names(tmp_path) == ["report.json"]


def test_the_temporary_file_keeps_the_suffix(tmp_path):
    with whole_file(tmp_path / "pixels.npy") as path:
        assert path.suffix == ".npy"  # numpy and Pillow choose by it


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_file_has_the_mode_of_any_new_file(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "report.json") as path:
            path.write_text("whole")
        assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == mode
        assert os.umask(umask) == umask
    finally:
        os.umask(before)


def test_the_umask_of_the_process_is_not_touched(tmp_path, monkeypatch):
    # Another thread's new file would get the mode of the moment.
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail(f"the umask was set to {mask:o}"))
    with whole_file(tmp_path / "report.json") as path:
        path.write_text("whole")
    fill(tmp_path / "set")


@pytest.mark.parametrize("length", [240, 245, 249, 251, 255])
@pytest.mark.parametrize("letter", ["x", "ü", "\udcdf"], ids=["ascii", "two bytes", "no UTF-8"])
def test_a_name_may_be_as_long_as_names_can_be(tmp_path, length, letter):
    room = length - len(".png")
    name = "y" * (room % len(os.fsencode(letter))) + letter * (room // len(os.fsencode(letter))) + ".png"
    with whole_file(tmp_path / name) as path:
        path.write_text("whole")
        assert path.suffix == ".png"
    assert names(tmp_path) == [name]
    fill(tmp_path / f"s{name[1:]}")


def test_a_suffix_may_be_the_whole_name(tmp_path):
    with whole_file(tmp_path / f"a.{'x' * 253}") as path:
        path.write_text("whole")
    assert (tmp_path / f"a.{'x' * 253}").read_text() == "whole"


@pytest.mark.parametrize(
    "path", ["x" * 300, "new/" + "ü" * 128, "x" * 300 + "/report.json", "a\0b", "\ud800", "file/a/b"]
)
def test_a_place_that_cannot_be_is_told_before_the_work(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"^cannot write "), whole_file(tmp_path / path):
        pytest.fail("there is nothing to write to")
    with pytest.raises(OutputError, match=r"^cannot write "), whole_folder(tmp_path / path):
        pytest.fail("there is nothing to write to")
    with pytest.raises(OutputError, match=r"^cannot write "):
        check_places([Place(tmp_path / path, MARK)])
    assert names(tmp_path) == ["file"] or names(tmp_path / "new") == []


def test_a_folder_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # Nothing is closed to root.
    with pytest.raises(OutputError, match=r"report\.json: Permission denied; choose another place"):
        check_places([Place(tmp_path / "new" / "report.json", MARK)])


def test_what_is_renamed_is_on_disk(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, Path.replace
    kinds = {True: "file", False: "folder"}
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(kinds[stat.S_ISREG(os.fstat(handle).st_mode)]))
    monkeypatch.setattr(Path, "replace", lambda path, to: done.append("rename") or replace(path, to))
    with whole_files([Place(tmp_path / name, b"") for name in ("a", "b")]) as paths:
        for path in paths:
            path.write_text("whole")
    assert done == ["file", "file", "rename", "rename", "folder"]
    assert sync is not os.fsync


def test_a_set_appears_together_or_not_at_all(tmp_path):
    places = [Place(tmp_path / name, b"") for name in ("a.csv", "b.json")]
    for path, _ in places:
        path.write_text("old")

    def write(error=None):
        with whole_files(places) as (first, second):
            first.write_text("new")
            if error:
                raise error
            second.write_text("new")
            assert {path.read_text() for path, _ in places} == {"old"}

    with pytest.raises(OutputError, match=r"^cannot write .*a\.csv, .*b\.json: No space left on device; choose"):
        write(OSError(errno.ENOSPC, "No space left on device"))
    assert {path.read_text() for path, _ in places} == {"old"}
    write()
    assert {path.read_text() for path, _ in places} == {"new"}
    assert names(tmp_path) == ["a.csv", "b.json"]


def test_a_disk_that_cannot_keep_it_is_told_and_leaves_the_old(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")  # where room is found as late as that

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"), whole_file(tmp_path / "a") as path:
        path.write_text("new")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("second", ["a.csv", "./a.csv", "A.CSV"])
def test_two_files_in_one_place_are_refused(tmp_path, second):
    places = [Place(tmp_path / name, b"") for name in ("a.csv", second)]
    with pytest.raises(OutputError, match=r"^cannot write two files to "), whole_files(places):
        pytest.fail("one would be lost")


KILLED = """
import os, signal, sys
from pathlib import Path
from xaisigns.base.files import whole_file, whole_folder
with (whole_file if sys.argv[2] == "file" else whole_folder)(Path(sys.argv[1])) as path:
    (path if path.is_file() else path / "1.ppm").write_text("half")
    if sys.argv[3] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.read()
"""


def begin(path, kind, end):
    """A process that begins to write there."""
    command = [sys.executable, "-c", KILLED, path, kind, end]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def killed(path, kind):
    with begin(path, kind, "killed") as process:
        assert process.wait() == -signal.SIGKILL
    files._swept.clear()  # as in a new process


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path, kind):
    killed(tmp_path / "out.txt", kind)
    (left,) = names(tmp_path)
    assert left.startswith(".xaisigns-")
    with whole_file(tmp_path / "other.txt") as path:
        assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_running_process_writes_stays(tmp_path, kind):
    with begin(tmp_path / "out.txt", kind, "goes on") as process:
        assert process.stdout.readline() == "writing\n"
        files._swept.clear()
        fill(tmp_path / "set")
        assert len(names(tmp_path)) == 2
        process.communicate("go on")
    assert names(tmp_path) == ["out.txt", "set"]


def test_an_empty_folder_can_be_filled_after_a_kill(tmp_path):
    (tmp_path / "set").mkdir()
    killed(tmp_path / "set", "folder")
    assert names(tmp_path / "set") == []
    files._swept.clear()
    fill(tmp_path / "set")
    assert names(tmp_path / "set") == ["images", "manifest.json"]
    assert names(tmp_path) == ["set"]


def test_an_empty_folder_that_another_process_fills_first_stays_its_own(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(OutputError, match=r"^cannot write"), whole_folder(tmp_path / "set"):
        fill(tmp_path / "set")
    assert names(tmp_path / "set") == ["images", "manifest.json"]


def test_what_only_looks_like_ours_is_not_removed(tmp_path):
    for name in (".xaisigns-notes", ".xaisigns-0123456789abcdef0", "xaisigns-0123456789abcdef"):
        (tmp_path / name).write_text("mine")
    files._swept.clear()
    with whole_file(tmp_path / "out.txt"):
        pass
    assert len(names(tmp_path)) == 4


def test_a_new_file_that_is_swept_before_its_lock_is_made_again(tmp_path, monkeypatch):
    lock, swept = files._lock, []

    def late(path):
        if not swept:
            swept.append(path)
            files.sweep(tmp_path)  # of another process, whose lock comes first
        return lock(path)

    monkeypatch.setattr(files, "_lock", late)
    with whole_file(tmp_path / "out.txt") as path:
        path.write_text("whole")
    assert swept != [path]
    assert names(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("content", [MARK, MARK + bytes(200_000), bytes(200_000) + MARK, b""])
def test_a_file_of_ours_is_replaced(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with whole_file(tmp_path / "a", MARK) as path:
        path.write_bytes(MARK)
    assert (tmp_path / "a").read_bytes() == MARK


@pytest.mark.parametrize("content", [b"mine", bytes(200_000) + MARK + bytes(200_000)])
def test_a_file_of_others_is_kept_unless_forced(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    told = "a exists and was not written by xaisigns; give another place or --force$"
    with pytest.raises(TakenError, match=told), whole_file(tmp_path / "a", MARK):
        pytest.fail("it would be lost")
    with pytest.raises(TakenError, match=told):
        check_places([Place(tmp_path / "new", MARK), Place(tmp_path / "a", MARK)])
    assert (tmp_path / "a").read_bytes() == content
    with whole_file(tmp_path / "a", MARK, force=True) as path:
        path.write_bytes(MARK)
    assert (tmp_path / "a").read_bytes() == MARK


def test_a_file_that_came_meanwhile_is_kept(tmp_path):
    def write():
        with whole_file(tmp_path / "a", MARK) as path:
            path.write_bytes(MARK)
            (tmp_path / "a").write_text("mine")

    with pytest.raises(TakenError):
        write()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "mine"


def test_a_link_is_what_it_leads_to(tmp_path):
    (tmp_path / "ours").write_bytes(MARK)
    for name in ("ours", "nothing"):
        (tmp_path / f"to-{name}").symlink_to(tmp_path / name)
    check_places([Place(tmp_path / "to-ours", MARK)])
    with pytest.raises(TakenError):
        check_places([Place(tmp_path / "to-nothing", MARK)])


def test_a_link_stays_and_its_file_is_replaced_beside_it(tmp_path):
    disk, work = tmp_path / "disk", tmp_path / "work"
    for folder in (disk, work):
        folder.mkdir()
    (disk / "m.safetensors").write_bytes(MARK + b"old")
    (disk / "second").symlink_to("m.safetensors")
    (work / "m.safetensors").symlink_to("../disk/second")
    with whole_file(work / "m.safetensors", MARK) as path:
        path.write_bytes(MARK + b"new")
        assert path.parent == disk  # on the same file system as what it replaces
        assert (disk / "m.safetensors").read_bytes() == MARK + b"old"
    assert (work / "m.safetensors").readlink() == Path("../disk/second")
    assert (disk / "m.safetensors").read_bytes() == MARK + b"new"
    assert [names(work), names(disk)] == [["m.safetensors"], ["m.safetensors", "second"]]


def test_a_link_to_a_file_of_others_is_refused_and_force_writes_through_it(tmp_path):
    (tmp_path / "theirs").write_text("mine")
    (tmp_path / "a").symlink_to("theirs")
    told = "a exists and was not written by xaisigns; give another place or --force$"
    with pytest.raises(TakenError, match=told), whole_file(tmp_path / "a", MARK):
        pytest.fail("it would be lost")
    with whole_file(tmp_path / "a", MARK, force=True) as path:
        path.write_bytes(MARK)
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "theirs").read_bytes() == MARK


def test_the_folder_of_what_a_link_leads_to_has_to_be_writable(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "ours").write_bytes(MARK)
    (tmp_path / "a").symlink_to("disk/ours")
    for closed in ("disk", "."):
        monkeypatch.setattr(os, "access", lambda path, mode, closed=closed: path != tmp_path / closed)
        if closed == "disk":
            with pytest.raises(OutputError, match=r"a: Permission denied; choose another place"):
                check_places([Place(tmp_path / "a", MARK)])
        else:
            check_places([Place(tmp_path / "a", MARK)])


@pytest.mark.parametrize("force", [True, False])
def test_what_is_no_regular_file_is_never_replaced(tmp_path, force):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(OutputError, match=f"^cannot write {path}: it is no regular file; name another place$"):
            check_places([Place(path, MARK)], force=force)


def test_a_parent_that_is_a_file_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "report.json"
    with pytest.raises(OutputError) as caught, whole_file(target):
        pytest.fail("there is nothing to write to")
    message = str(caught.value)
    assert message.startswith(f"cannot write {target}: ")
    assert message.endswith("; choose another place or make room")
    assert "\n" not in message
    assert (tmp_path / "file").read_text() == ""


def test_a_folder_in_its_place_is_refused(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OutputError) as caught, whole_file(tmp_path / "report.json"):
        pytest.fail("there is nothing to write to")
    assert str(caught.value) == f"cannot write {tmp_path / 'report.json'}: it is a folder; name a file instead"
    assert names(tmp_path) == ["report.json"]


def test_a_full_disk_is_told_with_the_place_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match=r"report\.json: No space left on device; choose another place or make room$"):
        write_half(tmp_path / "report.json", OSError(errno.ENOSPC, "No space left on device"))
    assert names(tmp_path) == []


def test_an_error_without_a_number_is_told_in_its_own_words(tmp_path):
    assert str(cannot_write(tmp_path, OSError("the encoder stopped"))).startswith(
        f"cannot write {tmp_path}: the encoder stopped; "
    )


def fill(path, error=None):
    with whole_folder(path) as folder:
        (folder / "images").mkdir()
        (folder / "images" / "1.ppm").write_text("one")
        (folder / "manifest.json").write_text("all")
        if error:
            raise error


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_appears_with_all_that_was_written(tmp_path, there):
    target = tmp_path / "new" / "set"
    if there:
        target.mkdir(parents=True)
    fill(target)
    assert (target / "images" / "1.ppm").read_text() == "one"
    assert names(target) == ["images", "manifest.json"]
    assert names(target.parent) == ["set"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_folder_that_failed_is_not_there(tmp_path, error):
    with pytest.raises(error):
        fill(tmp_path / "set", error())
    assert names(tmp_path) == []


def test_an_empty_folder_that_was_there_is_empty_after_a_failure(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(ValueError, match="stop"):
        fill(tmp_path / "set", ValueError("stop"))
    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == []


def test_the_folder_is_not_there_until_the_block_ends(tmp_path):
    with whole_folder(tmp_path / "set") as folder:
        assert not (tmp_path / "set").exists()
        assert folder.parent == tmp_path
    assert (tmp_path / "set").is_dir()


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o755), (0o077, 0o700)])
def test_the_folder_has_the_mode_of_any_new_folder(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        fill(tmp_path / "set")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "set").stat().st_mode) == mode


def test_a_mounted_folder_gets_what_says_that_it_is_whole_last(tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    moved, move = [], shutil.move
    monkeypatch.setattr(files, "_stays", lambda folder: True)
    monkeypatch.setattr(shutil, "move", lambda path, to: moved.append(path.name) or move(path, to))
    with whole_folder(tmp_path / "set") as folder:
        (folder / "a.json").write_text("all")
        (folder / "z").mkdir()
    assert moved == ["z", "a.json"]


@pytest.mark.parametrize("kind", ["file", "full"])
def test_a_place_with_something_in_it_is_refused_and_untouched(tmp_path, kind):
    target = tmp_path / "set"
    if kind == "full":
        target.mkdir()
        (target / "letter.txt").write_text("mine")
    else:
        target.write_text("mine")
    with pytest.raises(OutputError) as caught:
        fill(target)
    assert str(caught.value) == f"{target} is not an empty folder; name a new one"
    assert (target / "letter.txt" if kind == "full" else target).read_text() == "mine"
    assert names(tmp_path) == ["set"]


def test_a_full_disk_is_told_with_the_folder_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match=r"^cannot write .*set: No space left on device; choose another place"):
        fill(tmp_path / "set", OSError(errno.ENOSPC, "No space left on device"))
    assert names(tmp_path) == []


def test_a_name_that_no_file_can_have_is_none(tmp_path):
    for name in ("x" * 300, "a\0b", "none/below"):
        assert not is_file(tmp_path / name)
        assert not is_folder(tmp_path / name)


def test_a_link_to_itself_is_neither_file_nor_folder(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert not is_file(loop)
    assert not is_folder(loop)


def test_an_empty_folder_is_replaced_in_one_step(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    with whole_folder(tmp_path / "out") as folder:
        for name in ("a", "b"):
            (folder / name).write_text(name)
        monkeypatch.setattr(shutil, "move", lambda *_: pytest.fail("part by part"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_folder_that_one_stands_in_stays_the_same(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    node = out.stat().st_ino
    with whole_folder(Path()) as folder:
        (folder / "a").write_text("a")
    assert out.stat().st_ino == node
    assert [path.name for path in out.iterdir()] == ["a"]


def test_a_folder_that_is_mounted_is_filled(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()

    def busy(*_):
        raise OSError(errno.EBUSY, "busy")

    with whole_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("a")
        monkeypatch.setattr(Path, "replace", busy)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


@pytest.mark.parametrize("when", ["_is_there", "_has"])
def test_a_file_that_another_process_takes_away_meanwhile_is_no_hindrance(when, tmp_path, monkeypatch):
    path = tmp_path / "file"
    if when == "_has":
        path.write_text("of somebody")
        monkeypatch.setattr(files, "_has", lambda path, _: path.unlink() or path.open())
    else:
        monkeypatch.setattr(files, "_is_there", lambda _: True)
    check_places([Place(path, b"mark")])
    assert not path.exists()


HOLDER = """
import sys
from pathlib import Path
from xaisigns.base.files import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_folder_is_held_by_one_process_until_that_ends(tmp_path):
    link = tmp_path.with_name("link")
    link.symlink_to(tmp_path)
    command = [sys.executable, "-c", HOLDER, link]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="is writing it; wait for that one, or name another"), held(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with held(tmp_path):
            assert names(tmp_path) == []
    link.unlink()


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    def none(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files, "_lock", none)
    with held(tmp_path), held(tmp_path):
        pass


def test_all_files_of_a_folder_are_brought_to_the_disk(tmp_path, monkeypatch):
    for name in ("a", "b/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    brought = []
    monkeypatch.setattr(files, "_sync", brought.append)
    flush(tmp_path)
    flush(tmp_path / "a")
    flush(tmp_path / "nothing")
    assert sorted(brought) == [tmp_path / "a", tmp_path / "a", tmp_path / "b/c"]


def write_set(folder, names):
    with whole_files([Place(folder / name, MARK) for name in names]) as places:
        for path in places:
            path.write_bytes(MARK)


def test_a_signal_while_a_set_appears_waits_until_it_is_there(tmp_path, monkeypatch):
    replace = Path.replace

    def interrupted(path, target):
        signal.raise_signal(signal.SIGINT)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        write_set(tmp_path, "ab")
    assert names(tmp_path) == ["a", "b"]
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("place", ["make", "_lock", "_is_there"])
def test_a_signal_while_a_temporary_file_is_made_leaves_nothing(tmp_path, monkeypatch, place):
    whole = getattr(files, {"make": "_new_file"}.get(place, place))

    def interrupted(path):
        done = whole(path)
        if path.name.startswith(".xaisigns-"):
            raise KeyboardInterrupt
        return done

    (tmp_path / "mine").write_text("mine")
    monkeypatch.setattr(files, "_new_file" if place == "make" else place, interrupted)
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "out.txt"):
        pytest.fail("interrupted before")
    assert names(tmp_path) == ["mine"]
