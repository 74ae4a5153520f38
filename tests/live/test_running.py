"""The server's beginning and end."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import torch

import xaisigns as xs
from xaisigns.errors import OutputError
from xaisigns.live import running
from xaisigns.live.exhibit import Exhibit


def test_a_port_is_had_by_one_alone():
    with running.listening(0) as own:
        assert own.getsockname()[0] == "127.0.0.1"
        port = own.getsockname()[1]
        with pytest.raises(OutputError, match=f"port {port} of 127.0.0.1: it is in use"), running.listening(port):
            pass
    with running.listening(port):  # which is free again at once
        pass


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(running, "_PACKAGES", ("starlette", "no_such_package"))
    with pytest.raises(OutputError, match=r"install them: pip install 'xaisigns\[live\]'"), running.listening(0):
        pass


def test_the_address_is_told_before_the_browser_opens_it(narrow, untrained, monkeypatch):
    heard = []
    opened = threading.Event()

    def browser(address):  # one of the terminal: it stays
        heard.append(("browser", address))
        opened.set()
        time.sleep(0.5)
        heard.append("closed")

    monkeypatch.setattr("webbrowser.open", browser)
    monkeypatch.setattr(
        "uvicorn.Server.run",
        lambda self, sockets: opened.wait(10) and heard.append(("served", sockets[0].getsockname()[1])),
    )
    exhibit = Exhibit(xs.load_model(untrained), [], "en")
    with running.listening(0) as own:
        running.serve(exhibit, own, lambda address: heard.append(("told", address)), browser=True)
    (_, address), _, (_, port) = heard
    assert heard == [("told", address), ("browser", address), ("served", port)]
    assert address == f"http://127.0.0.1:{port}/"


def test_a_server_that_fails_ends_the_work(narrow, untrained, monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    with running.listening(0) as own:
        running.serve(Exhibit(xs.load_model(untrained), [], "en"), own, lambda _: None, browser=False)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_in_silence(number, code):
    # What runs in the background, as a check may, has SIGINT ignored.
    heard = f"import signal; signal.signal({int(number)}, signal.SIG_DFL); from xaisigns.cli import main; main()"
    command = [sys.executable, "-c", heard, "live", "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        document = "".join(iter(process.stdout.readline, "}\n")) + "}"
        host, port = json.loads(document)["address"].removeprefix("http://").rstrip("/").split(":")
        with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=20)) as connection:
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (code, "")
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind((host, int(port)))


@pytest.mark.parametrize(("threads", "said", "wanted"), [(8, None, [7]), (1, None, [1]), (8, "8", [])])
def test_a_core_is_left_to_the_browser_unless_the_user_says_otherwise(threads, said, wanted, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    taken = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(torch, "set_num_threads", taken.append)
    running._leave_a_core()
    assert taken == wanted
