"""Who is let in: only who names this machine as loopback, so that no page of another origin reaches the server."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Door:
    """The rule of admission: by DNS rebinding a foreign page may reach this address, but not under these names.

    With a ``token``, which is the first part of every path, whoever knows it is let in: then another server, whose name
    is not known here, may stand in between.
    """

    port: int
    token: str = ""

    @property
    def path(self) -> str:
        """Where the page lies."""
        return f"/{self.token}/" if self.token else "/"

    def refusal(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Why a request is refused; None for one that is let in."""
        if self.token:
            return None if path.startswith(self.path) else "the address lacks its token: open it as it was printed"
        hosts = [f"{name}:{self.port}" for name in _NAMES] + (list(_NAMES) if self.port == 80 else [])
        given = [(name.lower(), value.decode("latin-1")) for name, value in headers]
        named = [value for name, value in given if name == b"host"]
        if len(named) != 1 or named[0].lower() not in hosts:
            return f"the request names another host than this machine: open http://{hosts[0]}/"
        if any(value not in [f"http://{host}" for host in hosts] for name, value in given if name == b"origin"):
            return "the request comes from a page of another origin, and only this server's own page is answered"
        return None


class Guarded:
    """An application whose requests and WebSockets all pass the door first; who is refused gets 403 and the reason."""

    def __init__(self, application: ASGIApp, door: Door) -> None:
        self._application, self._door = application, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application does."""
        reason = None if scope["type"] == "lifespan" else self._door.refusal(scope["path"], scope["headers"])
        if reason is None:
            await self._application(scope, receive, send)
            return
        refused = PlainTextResponse(f"{reason}\n", HTTPStatus.FORBIDDEN)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refused)
        else:
            await refused(scope, receive, send)
