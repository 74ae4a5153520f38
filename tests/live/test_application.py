"""The server as a stranger meets it: over HTTP and WebSockets, at a real port."""

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import xaisigns as xs
from tests.live.asks import message
from tests.live.served import serving
from xaisigns.live import application as served_application
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.messages import LARGEST_FILE


@pytest.fixture
def exhibit(narrow, untrained):
    return Exhibit(xs.load_model(untrained), [], "en")


@pytest.fixture
def address(exhibit):
    with serving(exhibit) as address:
        yield address


def get(address, path="", method="GET", **headers):
    parts = urlsplit(address)
    with contextlib.closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)) as connection:
        connection.request(method, parts.path + path, headers={name.title(): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def line(address, **settings):
    return connect(address.replace("http", "ws", 1) + "talk", open_timeout=10, max_size=None, **settings)


def told(talk):
    return json.loads(talk.recv(timeout=10))


def sent_and_answered(talk, content):
    talk.send(content)
    return talk.recv(timeout=10)


def test_the_page_and_all_its_files_are_there_and_nothing_else(address):
    for file in (files("xaisigns.live") / "page").iterdir():
        name = "" if file.name == "page.html" else file.name
        status, headers, text = get(address, name)
        assert (status, text) == (200, file.read_text(encoding="utf-8"))
        assert "default-src 'none'; script-src 'self'" in headers["Content-Security-Policy"]
        assert "; frame-ancestors 'self' http://localhost:*" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(get(address, "settings.json")[2])["models"] == [{"name": "", "side": 32, "classes": 43}]
    for path in ("page.html", "../pyproject.toml", "%2e%2e/settings.py", "page.css/..", "docs", "openapi.json"):
        assert get(address, path)[0] == 404, path
    assert get(address, method="POST")[0] == 405


def test_nothing_in_the_page_is_fetched_from_elsewhere():
    for file in (files("xaisigns.live") / "page").iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text
        assert "style=" not in text
        assert " on" + "click=" not in text


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}])
def test_another_host_or_origin_is_refused_with_a_word(address, headers):
    for path in ("", "settings.json", "nothing"):
        status, _, text = get(address, path, **headers)
        assert status == 403
        assert text.startswith("the request ")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
def test_a_talk_with_a_page_of_another_origin_is_refused_with_a_word(address, origin):
    with pytest.raises(InvalidStatus) as refused, line(address, origin=origin):
        pass
    assert refused.value.response.status_code == 403
    assert b"a page of another origin" in refused.value.response.body


def test_a_page_is_answered_and_stale_questions_are_not(address):
    with line(address, origin=address.rstrip("/")) as talk:
        talk.send(message(number=7))
        answer = told(talk)
        assert (answer["kind"], answer["number"]) == ("answer", 7)
        for number in range(8, 60):
            talk.send(message(number=number, sticker={"x": number / 100}))
        heard = [told(talk)["number"]]
        while heard[-1] != 59:
            heard.append(told(talk)["number"])
        assert heard == sorted(heard)
        assert len(heard) < 52


def test_what_is_no_message_is_told_and_the_talk_goes_on(address):
    with line(address) as talk:
        for text in ("", "hello", "[]", message(wants="all"), "x" * 200_000, message(question={"target": 99})):
            talk.send(text)
            error = told(talk)
            assert error["kind"] == "error", error
            assert "\n" not in error["text"]
        talk.send(message(question={"target": 99}, number=3))
        assert told(talk)["number"] == 3
        talk.send(b"no picture")
        assert told(talk)["text"].startswith("your file cannot be read as a picture")
        buffer = io.BytesIO()
        Image.new("RGB", (20, 20), "red").save(buffer, "PNG")
        talk.send(buffer.getvalue())
        assert told(talk) == {"kind": "taken", "number": 1}
        talk.send(message(picture={"kind": "own", "number": 1}))
        assert told(talk)["kind"] == "answer"


def test_what_is_too_large_ends_one_talk_and_no_other(address):
    with line(address) as other:
        with line(address) as talk, pytest.raises(ConnectionClosed) as closed:
            sent_and_answered(talk, b"x" * (LARGEST_FILE + 2))
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009  # which a reset may overtake
        other.send(message())
        assert told(other)["kind"] == "answer"


def test_a_page_has_not_the_picture_of_another(address):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(buffer, "PNG")
    with line(address) as one, line(address) as other:
        one.send(buffer.getvalue())
        number = told(one)["number"]
        other.send(message(picture={"kind": "own", "number": number}))
        assert "no longer here" in told(other)["text"]


def test_who_goes_away_in_the_middle_leaves_nothing_behind(address):
    for _ in range(5):
        with line(address) as talk:
            talk.send(message())
            talk.socket.shutdown(socket.SHUT_RDWR)  # without a word
    with line(address) as talk:
        talk.send(message(number=9))
        assert told(talk)["number"] == 9


def test_what_waits_for_who_has_gone_is_not_done(address, exhibit, monkeypatch):
    release, begun, count = threading.Event(), threading.Event(), []

    def slowly(*_):
        count.append(1)
        begun.set()
        release.wait(10)
        return []

    monkeypatch.setattr(type(exhibit.answering), "answers", slowly)
    with line(address) as talk:
        talk.send(message())
        assert begun.wait(10)
        for _ in range(5):
            with line(address) as other:
                other.send(message())
        time.sleep(0.5)
        release.set()
        assert told(talk)["kind"] == "answer"
        talk.send(message(number=2))
        assert told(talk)["number"] == 2
    assert len(count) == 2


def test_a_defect_is_told_and_the_server_lives_on(address, exhibit, monkeypatch):
    with line(address) as talk:
        with monkeypatch.context() as patch:
            patch.setattr(type(exhibit.answering), "answers", lambda *_: 1 / 0)
            talk.send(message())
            assert "ZeroDivisionError: division by zero; this is a defect" in told(talk)["text"]
        talk.send(message())
        assert told(talk)["kind"] == "answer"


def test_more_pages_than_there_is_room_for_are_sent_away(address, monkeypatch):
    monkeypatch.setattr(served_application, "MOST_VISITORS", 1)
    with line(address) as first:
        first.send(message())
        assert told(first)["kind"] == "answer"
        with line(address) as second, pytest.raises(ConnectionClosed) as closed:
            second.recv(timeout=10)
        assert closed.value.rcvd.code == 1013
        first.send(message())
        assert told(first)["kind"] == "answer"
    assert any(answered(address) for _ in range(50))  # once the first is known to be gone


def answered(address):
    with line(address) as talk:
        talk.send(message())
        try:
            return told(talk)["kind"] == "answer"
        except ConnectionClosed:
            time.sleep(0.1)
            return False


def test_all_are_served_alike(address):
    counts = {}

    def visit(name, greedy):
        with line(address) as talk:
            end, counts[name], number = time.monotonic() + 2, 0, 0
            while time.monotonic() < end:
                for _ in range(20 if greedy else 1):
                    number += 1
                    talk.send(message(number=number))
                answered = -1
                while answered != number:
                    answered = told(talk)["number"]
                counts[name] += 1

    threads = [threading.Thread(target=visit, args=(name, name == 0)) for name in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    modest = [counts[name] for name in range(1, 5)]
    assert min(modest) > 0
    assert min(modest) >= 0.4 * max(modest)
    assert counts[0] <= 1.5 * max(modest)


def test_behind_a_token_all_lies_below_it(exhibit):
    with serving(exhibit, "secret") as address:
        status, headers, _ = get(address, host="hub.example")
        assert status == 200
        assert "frame-ancestors" not in headers["Content-Security-Policy"]  # an editor's own page may frame it
        assert get(address, "page.js", host="hub.example")[0] == 200
        assert get(address.removesuffix("secret/"))[0] == 403
        with line(address, origin="https://hub.example") as talk:
            talk.send(message())
            assert told(talk)["kind"] == "answer"
