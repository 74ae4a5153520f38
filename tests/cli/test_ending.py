"""However a command ends: its exit code, one line at most on stderr, and nothing left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# Runs main() after some preparation; a signal comes when a module is looked for, or a sign is drawn.
PROLOGUE = """
import os, signal, sys
sys.path[:0] = [{root!r}]
class Killer:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Killer())
from xaisigns.cli import main
sys.argv = ["xaisigns", *{arguments!r}]
"""
INTERRUPTED_DRAWING = """
from xaisigns.data.drawn import sign_set
drawn = sign_set.draw_sign
def draw_sign(class_id, *arguments, **options):
    if class_id == 3:
        os.kill(os.getpid(), {number})
    return drawn(class_id, *arguments, **options)
sign_set.draw_sign = draw_sign
"""
# As NumPy's C code does when it is interrupted.
TURNED_INTO_ANOTHER_ERROR = """
import os, signal, sys
class Turning:
    def find_spec(self, name, *_):
        if name == "typer":
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                range(100)
            except BaseException:
                raise ImportError("multiarray failed to import") from None
sys.meta_path.insert(0, Turning())
"""
# As a terminal starts a command, however the tests were started: nohup ignores one signal, a shell's & another.
HEARD = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""
HANGUP_IGNORED = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"


# A command that prints and needs no torch: what it tells of is made up.
TOLD = """
import types
stub = types.ModuleType("xaisigns.data.inventory")
split = {"layout": "folders", "images": 2, "expected": None, "classes": 2, "tracks": 0, "manipulation": None}
stub.inventory = lambda root: {"root": "a", "splits": {"test": split}, "class_names": ["b", "c"], "rendered": None}
sys.modules["xaisigns.data.inventory"] = stub
"""


def ended(arguments, number=0, module="", before="", more="", **options):
    """Exit code, stdout and stderr of the command in a process of its own."""
    code = HEARD + before + PROLOGUE.format(root=str(REPOSITORY), **locals()) + more + "main()"
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    done = subprocess.run([sys.executable, "-c", code], text=True, check=False, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("module", ["typer", "rich.table", "xaisigns.cli.data"])
def test_a_signal_during_the_imports_ends_in_silence(number, module):
    assert ended(["--help"], int(number), module) == (128 + number, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["numpy", "PIL.Image"])
def test_a_signal_during_the_imports_of_a_command_does_so_too(number, module, tmp_path):
    arguments = ["data", "render", str(tmp_path / "out"), "--per-class", "1", "--size", "16"]
    assert ended(arguments, int(number), module) == (128 + number, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_work_leaves_nothing(number, tmp_path):
    arguments = ["data", "render", str(tmp_path / "out"), "--per-class", "1", "--size", "16"]
    more = INTERRUPTED_DRAWING.format(number=int(number))
    assert ended(arguments, more=more) == (128 + number, "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_an_import_turns_into_another_error_does_so_too():
    assert ended(["--help"], before=TURNED_INTO_ANOTHER_ERROR) == (128 + signal.SIGTERM, "", "")


def test_what_is_set_to_be_ignored_stays_so():
    code, printed, told = ended(["--help"], int(signal.SIGHUP), "typer", before=HANGUP_IGNORED)
    assert (code, told) == (0, "")
    assert "Usage: xaisigns" in printed


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["--help", "data info ROOT", "data info ROOT --json"])
def test_a_reader_that_has_enough_is_no_error_to_tell(arguments, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        assert ended(arguments.split(), more=TOLD, stdout=closed) == (1, None, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["--help", "data info ROOT", "data info ROOT --json"])
def test_a_full_disk_behind_stdout_is_one_line(arguments, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("w") as full:
        code, _, told = ended(arguments.split(), more=TOLD, stdout=full)
        assert code == 1
        assert told.startswith("xaisigns: ")
        assert told.endswith("No space left on device\n")
        assert told.count("\n") == 1
        assert ended(arguments.split(), more=TOLD, stdout=full, stderr=full)[0] == 1


def test_a_file_never_gets_the_number_of_a_closed_stdout(tmp_path):
    before = "import os; os.close(1); os.close(2)\n"
    opened = f"os.open({str(tmp_path / 'new')!r}, os.O_CREAT | os.O_WRONLY)"
    more = f"import atexit; atexit.register(lambda: os._exit({opened}))\n"
    assert ended(["--help"], before=before, more=more)[0] > 2


def test_a_signal_within_a_destructor_ends_the_command_too():
    """Python drops an exit that is raised there, and would go on with the work."""
    program = """
import signal, sys, time, weakref
sys.path[:0] = [{root!r}]
import xaisigns.cli, xaisigns.cli.application as application
class Thing: pass
def run():
    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
    del thing
    for _ in range(600):
        time.sleep(0.1)
    print("went on")
    return 0
application.run = run
xaisigns.cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program.format(root=str(REPOSITORY))], capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")
