"""The command line: a command parses, calls one function, prints."""

import gc
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

from xaisigns.base.allocator import keep_memory

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN = 0.02  # seconds
_OBJECTS = 5_000  # new ones between two collections of garbage
_ROUNDS = 100_000  # that a thread waits awake: a fifth of a millisecond
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is unknown to Windows


def main() -> None:
    """Run the command line and exit: 0 done, 1 it could not be done, 2 wrong usage, 128 + n stopped by signal n.

    A signal unwinds the program as an error does, so that temporary files go; nothing is said of it.
    """
    stopped: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(128 + number)
        sys.exit(stopped[0])

    def dropped(what: "UnraisableHookArgs") -> None:
        # A signal within a destructor: Python drops the exit there and goes on. So it is sent once more.
        if stopped and what.exc_type is SystemExit:
            threading.Timer(_AGAIN, os.kill, (os.getpid(), stopped[0] - 128)).start()
        else:
            before(what)

    _spare_the_processor()
    keep_memory()
    before, sys.unraisablehook = sys.unraisablehook, dropped
    _take_signals(stop)
    _take_standard_files()
    code: int | str | None = None
    try:
        # Imported here, so that a signal during the imports, too, ends in silence.
        from xaisigns.cli.application import run

        code = run()
    except (KeyboardInterrupt, SystemExit) as error:
        code = error.code if isinstance(error, SystemExit) else 130
    except Exception as error:
        if not stopped:  # what is being imported turns the exit of a signal into other errors
            from xaisigns.cli.application import told

            code = told(error)
    sys.unraisablehook = before
    _take_signals(signal.SIG_DFL)  # the interpreter's own end is not to be unwound
    gc.freeze()  # which would else look through all that torch has made
    sys.exit(stopped[0] if stopped else code)


def _spare_the_processor() -> None:
    """Let threads that have nothing to do sleep, unless the user says otherwise, and look less for garbage.

    Those of torch turn round and round else, up to a second for one image; a little of it they need, since to wake one
    for each operation takes a third longer. Those of OpenBLAS do in any case: a third of an audit's processor time is
    theirs, and it ends earlier without. Imports make a million objects, and no garbage.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", str(_ROUNDS))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])


def _take_signals(handler: "signal._HANDLER") -> None:
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # What nohup or a shell has set to be ignored stays so.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _take_standard_files() -> None:
    """Open those of the numbers 0 to 2 that are closed: else the next file gets one, and messages are written to it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
