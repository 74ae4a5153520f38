"""The web application: the page's few files, its settings, and the talk with each page that is open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from xaisigns.base.documents import json_text
from xaisigns.errors import XaisignsError
from xaisigns.live.door import Door, Guarded
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.messages import read_ask
from xaisigns.live.refusal import RefusedError
from xaisigns.live.settings import page_settings
from xaisigns.live.turns import Turns
from xaisigns.live.visitor import Visitor

MOST_VISITORS = 200
_FULL = 1013  # of WebSocket: try again later
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
# Nothing but what the server itself hands out.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)
_FRAMES = "; frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"  # a page of this machine may frame it
_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def application(exhibit: Exhibit, turns: Turns, door: Door) -> ASGIApp:
    """What answers for an exhibit at a door; ``turns`` does the work. Raises LanguageError as ``page_settings``."""
    # Whoever knows the token may frame it: an editor shows a notebook in a page of its own scheme.
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY if door.token else _POLICY + _FRAMES}
    settings = json_text(page_settings(exhibit), indent=None).encode()
    routes: list[BaseRoute] = [
        Route("/settings.json", _fixed(settings, "application/json", headers)),
        WebSocketRoute("/talk", Talks(exhibit, turns).talk),
    ]
    for file in (files("xaisigns.live") / "page").iterdir():
        kind = _KINDS[file.name.rpartition(".")[2]]
        address = "/" if file.name == "page.html" else f"/{file.name}"
        routes.append(Route(address, _fixed(file.read_bytes(), kind, headers)))
    if door.token:
        routes = [Mount(f"/{door.token}", routes=routes)]
    return Guarded(Starlette(routes=routes), door)


def _fixed(content: bytes, kind: str, headers: dict[str, str]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:  # noqa: ARG001 (Starlette's)
        return Response(content, media_type=kind, headers=headers)

    return answer


class Talks:
    """The talks with all visitors."""

    def __init__(self, exhibit: Exhibit, turns: Turns) -> None:
        self._exhibit, self._turns, self._open = exhibit, turns, 0

    async def talk(self, socket: WebSocket) -> None:
        """Answer one page until it goes away."""
        await socket.accept()
        if self._open >= MOST_VISITORS:
            await socket.close(_FULL, f"{MOST_VISITORS} pages are open already")
            return
        self._open += 1
        visitor, outbox = Visitor(self._exhibit), Outbox()
        sending = asyncio.create_task(_send(socket, outbox))
        try:
            async for message in _messages(socket):
                self._hear(visitor, outbox, message)
        finally:
            self._open -= 1
            for kind in ("take", "answer", "files"):
                self._turns.drop((visitor, kind))
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending

    def _hear(self, visitor: Visitor, outbox: "Outbox", message: str | bytes) -> None:
        """Let what a message asks be done in its turn; what cannot be read is told at once."""
        if isinstance(message, bytes):
            self._turns.put((visitor, "take"), lambda: outbox.put("take", _told(None, lambda: visitor.take(message))))
            return
        try:
            ask = read_ask(message)
        except XaisignsError as error:
            outbox.put("error", {"kind": "error", "number": None, "text": str(error)})
            return
        work = lambda: outbox.put(ask.wants, _told(ask.number, lambda: visitor.answer(ask)))  # noqa: E731
        self._turns.put((visitor, ask.wants), work)


class Outbox:
    """What waits to be sent to a page, the newest of each kind: a page that reads slowly makes nothing pile up."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._filled = asyncio.Event()

    def put(self, kind: str, message: dict[str, Any]) -> None:
        """Let a message be sent; from any thread."""
        with suppress(RuntimeError):  # the loop has ended: nobody is there any more
            self._loop.call_soon_threadsafe(self._put, kind, message)

    def _put(self, kind: str, message: dict[str, Any]) -> None:
        self._waiting[kind] = message
        self._filled.set()

    async def take(self) -> dict[str, Any]:
        """The next message, when there is one."""
        await self._filled.wait()
        message = self._waiting.pop(next(iter(self._waiting)))
        if not self._waiting:
            self._filled.clear()
        return message


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # who has gone is heard of where messages are read
        while True:
            await socket.send_text(json_text(await outbox.take(), indent=None))


async def _messages(socket: WebSocket) -> AsyncIterator[str | bytes]:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        yield message["bytes"] if message.get("text") is None else message["text"]


def _told(number: int | None, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work gives, or why it could not be done: the server lives on in any case."""
    try:
        return work()
    except RefusedError as error:
        return {"kind": "error", "number": number, "text": str(error), "key": error.key, "blanks": error.blanks}
    except XaisignsError as error:
        text = str(error)
    except MemoryError:
        text = "there is not enough memory for this"
    except Exception as error:
        text = f"{type(error).__name__}: {error}; this is a defect of xaisigns: please report it"
    return {"kind": "error", "number": number, "text": text}
