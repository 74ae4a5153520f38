"""The page in a notebook."""

import os
import re
import sys
import threading
import types
import urllib.request

import pytest

import xaisigns as xs
from xaisigns.errors import LanguageError, OutputError
from xaisigns.live import notebook

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def page(untrained, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyter_server_proxy", None)
    page = xs.live(untrained, language="de")
    yield page
    page.close()


def fetched(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


def test_it_is_a_frame_with_an_address_that_nobody_can_guess(page):
    shown = re.search(r'<iframe src="([^"]+)"', page._repr_html_())[1]
    assert shown == page.address
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", shown)
    assert "<title>xaisigns" in fetched(shown)
    assert '"language": "de"' in fetched(f"{shown}settings.json")


def test_it_is_served_until_it_is_closed(untrained):
    before = set(threading.enumerate())
    page = xs.live(xs.load_model(untrained))
    page.close()
    with pytest.raises(OSError, match="refused"):
        fetched(page.address)
    assert set(threading.enumerate()) == before


def test_behind_the_notebooks_server_it_goes_through_its_proxy(untrained, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyter_server_proxy", types.ModuleType("jupyter_server_proxy"))
    sys.modules["jupyter_server_proxy"].__spec__ = types.SimpleNamespace()
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/me/")
    page = xs.live(untrained)
    try:
        port, token = re.search(r":(\d+)/([\w-]+)/", page.address).groups()
        assert f'src="/user/me/proxy/{port}/{token}/"' in page._repr_html_()
    finally:
        page.close()


def test_the_prefix_is_that_of_the_server_that_runs_the_notebook(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    servers = [{"pid": -1, "base_url": "/other/"}, {"pid": os.getppid(), "base_url": "/mine/"}]
    monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", lambda: iter(servers))
    assert notebook._prefix() == "/mine/"
    servers.clear()
    assert notebook._prefix() is None


def test_what_cannot_be_served_leaves_nothing_behind(untrained):
    before = set(threading.enumerate())
    with pytest.raises(LanguageError):
        xs.live(untrained, language="qq")
    with pytest.raises(OutputError, match="it is in use"), notebook.listening(0) as own:
        xs.live(untrained, port=own.getsockname()[1])
    assert set(threading.enumerate()) == before
