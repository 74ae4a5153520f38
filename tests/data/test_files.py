import errno
import os
import stat

import pytest

from xaisigns.data.files import cannot_write, is_file, is_folder, whole_file, whole_folder
from xaisigns.errors import OutputError


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
