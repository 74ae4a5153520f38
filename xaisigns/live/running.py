"""Serves the page on loopback until it is stopped."""

import errno
import importlib.util
import os
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from xaisigns.errors import OutputError
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.messages import LARGEST_FILE
from xaisigns.live.turns import Turns

if TYPE_CHECKING:
    import uvicorn

    from xaisigns.live.door import Door

HOST = "127.0.0.1"
_PACKAGES = ("starlette", "uvicorn", "websockets")


def serve(exhibit: Exhibit, own: socket.socket, told: Callable[[str], None], *, browser: bool) -> None:
    """Serve the page of an exhibit at a socket that listens until a signal comes; ``told`` hears its address first.

    This thread answers, since it has loaded the models: where a second one computes, too, OpenMP has more threads than
    the machine has cores, and lets them sleep between any two operations, which makes an answer a fifth slower.
    """
    _leave_a_core()
    turns = Turns()
    door, server = made(exhibit, turns, own)
    address = f"http://{HOST}:{door.port}{door.path}"
    told(address)
    if browser:
        # Beside the server: a browser of the terminal returns only when it has shown the page.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    with in_thread(server, own, turns.end):
        turns.work()


def _leave_a_core() -> None:
    """To the browser, which draws the last answer meanwhile: a thread that waits for its core keeps all others waiting.

    Unless the user says how many there are to be.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))


@contextmanager
def in_thread(server: "uvicorn.Server", own: socket.socket, ended: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Serve beside this thread, and no longer when this is left; ``ended`` is called when the server has ended."""

    def run() -> None:
        try:
            server.run(sockets=[own])
        finally:
            ended()

    serving = threading.Thread(target=run, name="xaisigns live server", daemon=True)
    serving.start()
    try:
        yield
    finally:
        server.should_exit = True
        serving.join()


def made(exhibit: Exhibit, turns: Turns, own: socket.socket, token: str = "") -> "tuple[Door, uvicorn.Server]":
    """The door at a socket that listens, and the server of what lies behind it."""
    import uvicorn

    from xaisigns.live.application import application
    from xaisigns.live.door import Door

    door = Door(own.getsockname()[1], token)
    config = uvicorn.Config(
        application(exhibit, turns, door),
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=LARGEST_FILE + 1,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    return door, uvicorn.Server(config)


def refuse_missing_packages() -> None:
    """Raise OutputError, naming the extra, where the packages that serve a page are not installed."""
    if any(importlib.util.find_spec(name) is None for name in _PACKAGES):
        raise OutputError("the live page needs Starlette and uvicorn; install them: pip install 'xaisigns[live]'")


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on this port of loopback, 0 for a free one.

    Raises OutputError where a package is missing or the port cannot be had.
    """
    refuse_missing_packages()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
        if os.name == "posix":  # on Windows it would let two servers have the port
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind((HOST, port))
            own.listen(128)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            reason = "it is in use" if in_use else error.strerror or str(error)
            raise OutputError(
                f"cannot serve on port {port} of {HOST}: {reason}; end what runs there, or give --port another number, "
                "0 for a free one"
            ) from error
        yield own
