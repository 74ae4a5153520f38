"""What lies in a folder: links, what may not be read, and names whose letters are written otherwise."""

import os
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import pytest

from xaisigns.data.listing import Listing, entries, files_below, is_foreign, plain
from xaisigns.errors import DataError

# Each answer comes from a process of its own, which root's rights are taken from.
AS_NOBODY = """
import os, sys
from pathlib import Path
from xaisigns.errors import XaisignsError
from xaisigns.data.inventory import inventory
from xaisigns.data.layouts import open_images
root = Path(sys.argv[1])
for place in (".", "train", "train/cat", "train/cat/deep"):
    for mode in (0o000, 0o444, 0o111):
        (root / place).chmod(mode)
        if os.fork() == 0:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            for ask in (open_images, inventory):
                try:
                    told = str(ask(root))
                except XaisignsError as error:
                    told = str(error)
                print(f"{root / place}|{told}")
            sys.stdout.flush()
            os._exit(0)
        os.wait()
        (root / place).chmod(0o755)
"""


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_entries_are_in_order_and_tell_folders_from_files(tmp_path):
    touch(tmp_path / "b")
    touch(tmp_path / "a/1")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    wanted = [("a", True, False), ("b", False, False), ("c", True, True)]
    assert [(found.path.name, found.is_folder, found.is_link) for found in entries(tmp_path)] == wanted


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_what_is_neither_file_nor_folder_is_left_out(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert entries(tmp_path) == []
    assert Listing(tmp_path).find("a.png") == []
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(DataError, match="is a link to nothing"):
        entries(tmp_path)


@pytest.mark.parametrize("name", [".DS_Store", "._1.png", ".Trash-1000", "__MACOSX", "THUMBS.DB", "desktop.ini"])
def test_hidden_and_foreign_names(name):
    assert is_foreign(name)
    assert not is_foreign(f"a{name}")


def test_a_link_that_leads_nowhere_matters_only_where_it_is_asked_for(tmp_path):
    touch(tmp_path / "a")
    (tmp_path / "b").symlink_to("nowhere")
    assert Listing(tmp_path).find("A") == [tmp_path / "a"]
    with pytest.raises(DataError, match=f"^{tmp_path / 'b'} is a link to nothing, 'nowhere'"):
        Listing(tmp_path).find("B")


def test_a_name_as_it_is_written_comes_before_those_with_other_letters(tmp_path):
    names = ["Übel", "übel", unicodedata.normalize("NFD", "ÜBEL")]
    for name in names:
        touch(tmp_path / name)
    listing = Listing(tmp_path)
    there = {path.name for path in tmp_path.iterdir()}
    assert listing.find("Übel") == [tmp_path / "Übel"]
    assert {path.name for path in listing.find("übeL")} == there
    assert listing.find("ubel") == []


@pytest.mark.parametrize(
    ("one", "other"), [("A", "a"), ("\u00fc", "u\u0308"), ("STRASSE", "straße"), ("\u1fb3", "\u0391\u0399")]
)
def test_plain_names_are_one(one, other):
    assert plain(one) == plain(other)


def test_links_that_multiply_are_told(tmp_path):
    """Each of 20 folders has two links to the next: a million ways to the last one."""
    for number in range(20):
        touch(tmp_path / f"{number + 1}/1.png")
        for name in "ab":
            (tmp_path / f"{number}").mkdir(exist_ok=True)
            (tmp_path / f"{number}/{name}").symlink_to(tmp_path / f"{number + 1}")
    with pytest.raises(DataError, match=rf"^links below {tmp_path / '0'} lead to more than 10,000 folders; delete"):
        list(files_below(tmp_path / "0"))


@pytest.mark.parametrize("name", ["none", "file", "n" * 300, "a\0b", "/".join(["deep"] * 2000)])
def test_what_is_no_folder_is_told(tmp_path, name):
    touch(tmp_path / "file")
    with pytest.raises(DataError, match=r"cannot be read: .*; see that it is a folder with permission to read$"):
        entries(tmp_path / name)


def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def refused(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(DataError, match=f"^{tmp_path} cannot be read: Permission denied; see that it is a folder with"):
        list(files_below(tmp_path))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs permissions as on Unix")
def test_a_folder_without_permission_is_named_by_all_that_reads_data():
    with tempfile.TemporaryDirectory() as above:  # the folders of pytest are closed to others
        Path(above).chmod(0o755)
        root = Path(above, "animals")
        for image in ("train/cat/1.png", "train/cat/deep/2.png", "train/dog/1.png", "test/cat/1.png"):
            touch(root / image)
        command = [sys.executable, "-c", AS_NOBODY, root]
        told = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert told.stderr == ""
    assert len(told.stdout.splitlines()) == 2 * 4 * 3
    for line in told.stdout.splitlines():
        folder, _, message = line.partition("|")
        assert message.startswith((f"{folder} cannot be read: ", f"{folder}/"))
        assert message.endswith(("with permission to read", "see to its permissions"))
