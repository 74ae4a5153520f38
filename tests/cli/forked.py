"""Commands in processes of their own that start at once: forks of one that has imported everything.

It reads a request as a line of JSON and answers by one. What takes long by itself is made up there.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from unittest import mock

from tests.conftest import REPOSITORY, narrow_networks
from tests.findings import examined
from tests.repairs import AFTER, BEFORE, a_feature, rates
from xaisigns.attribution.named_rules import Rule
from xaisigns.audit import audit_files
from xaisigns.audit.repair import repairing
from xaisigns.cli import main
from xaisigns.study import tuning
from xaisigns.study.tuning import Measured, Setting, Tuning

LARGEST = 100  # bytes of a file on a full disk
LONGEST = 100  # seconds
IMPORTED = ("captum.attr", "matplotlib.pyplot", "typst", "xaisigns.cli.application", "xaisigns.report.report_files")


class Forks:
    """The process that forks."""

    def __init__(self):
        command = [sys.executable, "-W", "error", "-m", "tests.cli.forked"]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(self, *arguments, moment="", number=0, full=False):
        """Exit code (less than 0: the signal that ended it) and stderr of ``xaisigns`` with these arguments.

        ``number`` is a signal that it gets at a ``moment``, such as "rename 1": when a temporary file of its own is
        renamed for the first time. With ``full`` no file may have more than 100 bytes.
        """
        request = {"arguments": [*map(str, arguments)], "moment": moment, "number": int(number), "full": full}
        self._process.stdin.write(json.dumps(request) + "\n")
        return tuple(json.loads(self._process.stdout.readline()))

    def end(self):
        self._process.communicate()


def stop_at(moment, number):
    """Send a signal at the n-th time that a temporary file of ours is opened, or renamed; the cache's do not count."""
    event, count = moment.split()
    left, cache = [int(count)], os.environ["XAISIGNS_CACHE"]

    def hear(heard, arguments):
        if heard.removeprefix("os.") == event and left[0]:
            path = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else ""
            if ".xaisigns-" in path and not path.startswith(cache):
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), number)

    sys.addaudithook(hear)


def become(arguments, moment, number, full):
    """This process runs the command and ends as it does."""
    import resource

    signal.alarm(LONGEST)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if full:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if moment:
        stop_at(moment, number)
    sys.argv = ["xaisigns", *arguments]
    main()


def serve():
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        read, write = os.pipe()
        if not (child := os.fork()):
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(0, 1)
            os.dup2(write, 2)
            os.close(read)
            os.close(write)
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
            become(**json.loads(line))
        os.close(write)
        with open(read) as told:  # noqa: PTH123
            text = told.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answers.write(json.dumps([code, text]) + "\n")
        answers.flush()


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    found = Measured(Setting({"features.0": Rule("flat")}, contrast=False, name="epsilon"), value=0.5, flipping=0.5)
    given = [BEFORE, BEFORE, AFTER]
    with ExitStack() as stack:
        stack.enter_context(narrow_networks())
        for module, name, made_up in (
            (audit_files, "examine", examined),
            (repairing, "_refuse_missing_classes", lambda *_: None),
            (repairing, "feature_of", a_feature),
            (repairing, "judged", lambda *_, **__: rates(*given.pop(0))),
            (tuning, "tune", lambda *_, **__: Tuning("entropy", found, found, 4, 1).document()),
        ):
            stack.enter_context(mock.patch.object(module, name, made_up))
        serve()
