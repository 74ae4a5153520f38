"""However a command ends that writes: its files are whole or as they were, and nothing else is left."""

import shutil
import signal
import sys

import pytest

from tests.cli.forked import Forks
from tests.conftest import CLASSES, draw_gtsrb, narrow_networks, random_model
from tests.repairs import written_findings
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.drawn.sign import draw_sign

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and writes to /proc")

# What each writes, and how it is called.
COMMANDS = {
    "explain": (["sign.png", "sign.npy"], "{sign} --model {model} --npy --out {out}"),
    "compare": (["sign.png"], "{sign} --model {model} --methods lrp --out {out}"),
    "score": (
        ["scores.csv", "scores.json", "scores.md"],
        "{root} --model {model} --methods lrp,edges --per-class 1 --metrics complexity --out {out}",
    ),
    "tune": (["a.toml"], "{root} --model {model} --masks roi --per-class 1 --held-out 1 --out {out}/a.toml"),
    "audit": (
        ["findings.json", "class-2.png", "class-4.png", "class-9.png"],
        "{root} --model {model} --reference none --out {out}",
    ),
    "repair": (
        ["a.safetensors"],
        "{root} --model {model} --finding {findings} --steps 1 --classes 2 --out {out}/a.safetensors",
    ),
    "report": (
        ["a.pdf", "a.html"],
        "{root} --model {model} --methods lrp --classes 14 --examples 1 --out {out}/a.pdf --html {out}/a.html",
    ),
    "train": (
        ["a.safetensors", "a.csv", "a.checkpoint.safetensors"],
        "{root} --epochs 1 --input-size 32 --device cpu --out {out}/a.safetensors",
    ),
    "data sticker": (["copy"], "{root} {out}/copy --class 14"),
    "data render": (["drawn"], "{out}/drawn --per-class 1 --size 16"),
}
FOLDERS = ("data sticker", "data render")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """What commands are given."""
    folder = tmp_path_factory.mktemp("material")
    root = draw_gtsrb(folder, CLASSES, tracks=3, frames=2, test=3)
    with narrow_networks():
        model = random_model(folder, 43, {"class_names": dict(CLASS_NAMES)})
        findings = written_findings(model, root, folder / "audit")
    draw_sign(14, 48, 1).image.save(folder / "sign.png")
    return {"root": root, "model": model, "findings": findings, "sign": folder / "sign.png"}


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAISIGNS_CACHE", str(tmp_path_factory.mktemp("cache")))
        forks = Forks()
    yield forks
    forks.end()


@pytest.fixture(scope="module")
def wholes(tmp_path_factory, material, forks):
    """The folder that a command has written, by its name."""
    known = {}

    def whole(command):
        if command not in known:
            known[command] = tmp_path_factory.mktemp("whole") / "out"
            assert run(forks, material, command, known[command]) == (0, "")
        return known[command]

    return whole


def run(forks, material, command, out, **options):
    return forks.run(*command.split(), *COMMANDS[command][1].format(out=out, **material).split(), **options)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder):
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*")}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_left_alone_writes_all(command, wholes):
    assert names(wholes(command)) == set(COMMANDS[command][0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_before_all_is_written_leaves_what_was_there(command, number, wholes, material, forks, tmp_path):
    wholes(command)  # fills the cache
    before = tmp_path / "before"
    if number == signal.SIGTERM and command not in FOLDERS:
        shutil.copytree(wholes(command), tmp_path / "out")
    shutil.copytree(tmp_path / "out", before) if (tmp_path / "out").exists() else before.mkdir()
    assert run(forks, material, command, tmp_path / "out", moment="open 2", number=number) == (128 + number, "")
    assert contents(tmp_path / "out") == contents(before)


@pytest.mark.parametrize(
    ("command", "count"),
    [(command, count) for command, (files, _) in COMMANDS.items() for count in range(1, min(3, len(files) + 1))],
)
def test_a_signal_while_files_appear_leaves_whole_sets(command, count, wholes, material, forks, tmp_path):
    wanted = names(wholes(command))
    moment = f"rename {count}"
    assert run(forks, material, command, tmp_path, moment=moment, number=signal.SIGTERM) == (143, "")
    there = names(tmp_path)
    if command == "train":
        assert there in (set(), {"a.csv", "a.checkpoint.safetensors"}, wanted)
    elif command == "repair":  # whose checkpoints are for --resume
        assert there <= {"a.control.checkpoint.safetensors", "a.unlearning.checkpoint.safetensors"} or there == wanted
    else:
        assert there in (set(), wanted)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_told_in_a_line_and_leaves_what_was_there(command, wholes, material, forks, tmp_path):
    out = tmp_path / "out"
    if command in FOLDERS:
        wholes(command)
        out.mkdir()
    else:
        shutil.copytree(wholes(command), out)
    before = contents(out)
    code, told = run(forks, material, command, out, full=True)
    assert code == 1
    assert told.count("\n") == 1
    assert "cannot write" in told
    assert "File too large" in told
    assert contents(out) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_cannot_be_written_is_told_in_a_line(command, wholes, material, forks, tmp_path):
    closed = tmp_path / "closed"
    closed.symlink_to("/proc/self")  # which is closed to root, too
    code, told = run(forks, material, command, closed)
    assert code == 1
    assert told.count("\n") == 1
    assert "cannot write" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_kill_leaves_is_hidden_and_goes_with_the_next_run(command, wholes, material, forks, tmp_path):
    wanted = names(wholes(command))
    assert run(forks, material, command, tmp_path, moment="rename 1", number=signal.SIGKILL) == (-9, "")
    left = names(tmp_path)
    assert left
    assert all(name.startswith(".xaisigns-") for name in left)
    assert run(forks, material, command, tmp_path) == (0, "")
    assert names(tmp_path) == wanted
