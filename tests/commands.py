"""Runs the command line in this process, as its entry point does: a process of its own takes seconds to start."""

import contextlib
import gc
import io
import os
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import torch

from xaisigns.cli import main


def ended(*arguments: object) -> int:
    """The exit code of ``xaisigns`` with these arguments; what a command changes of its process is put back."""
    argv, hook, threads, folder = sys.argv, sys.unraisablehook, torch.get_num_threads(), Path.cwd()
    thresholds = gc.get_threshold()
    environment, streams = dict(os.environ), (sys.stdin, sys.stdout, sys.stderr)
    handled = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    sys.argv = ["xaisigns", *map(str, arguments)]
    # This process goes on, and so do its garbage and its memory.
    own = mock.patch.object(gc, "freeze"), mock.patch("xaisigns.cli.keep_memory")
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), own[0], own[1]:
        try:
            main()
        except SystemExit as stopped:
            return int(stopped.code or 0)
        finally:
            for number, handler in handled.items():
                signal.signal(number, handler)
            sys.argv, sys.unraisablehook, (sys.stdin, sys.stdout, sys.stderr) = argv, hook, streams
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(folder)
            torch.set_num_threads(threads)
            gc.set_threshold(*thresholds)
    raise AssertionError("main() always exits")


def run(*arguments: object, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``xaisigns`` with these arguments in this environment."""
    before = dict(os.environ)
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    os.environ.clear()
    os.environ.update(environment)
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            code = ended(*arguments)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return code, *(stream.buffer.getvalue().decode() for stream in streams)
