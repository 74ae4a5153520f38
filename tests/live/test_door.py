"""Who is let in, and who is not."""

import pytest

from xaisigns.live.door import Door

HERE = (b"host", b"127.0.0.1:8000")


@pytest.mark.parametrize(
    "headers",
    [
        [HERE],
        [(b"host", b"localhost:8000")],
        [(b"Host", b"LOCALHOST:8000")],
        [(b"host", b"[::1]:8000")],
        [HERE, (b"origin", b"http://127.0.0.1:8000")],
        [HERE, (b"origin", b"http://localhost:8000")],
    ],
)
def test_the_servers_own_page_is_let_in(headers):
    assert Door(8000).refusal("/", headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"evil.example:8000")],
        [(b"host", b"127.0.0.1:8001")],
        [(b"host", b"127.0.0.1")],
        [(b"host", b"127.0.0.1:8000.evil.example")],
        [(b"host", b"127.0.0.1:8000"), (b"host", b"evil.example")],
        [(b"host", b"\xff")],
    ],
)
def test_another_host_is_refused(headers):
    assert "names another host than this machine: open http://127.0.0.1:8000/" in Door(8000).refusal("/", headers)


@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.example",
        b"null",
        b"",
        b"https://127.0.0.1:8000",
        b"http://127.0.0.1:8001",
        b"http://127.0.0.1:8000/",
    ],
)
def test_another_origin_is_refused(origin):
    assert "a page of another origin" in Door(8000).refusal("/talk", [HERE, (b"origin", origin)])


def test_at_the_usual_port_a_browser_does_not_name_it():
    assert Door(80).refusal("/", [(b"host", b"localhost"), (b"origin", b"http://localhost")]) is None


def test_with_a_token_it_is_the_token_that_counts():
    door = Door(8000, "secret")
    assert door.path == "/secret/"
    strange = [(b"host", b"hub.example"), (b"origin", b"https://hub.example")]
    assert door.refusal("/secret/talk", strange) is None
    for path in ("/", "/secret", "/talk", "/Secret/", "//secret/"):
        assert "lacks its token" in door.refusal(path, [HERE])
