"""A page that is served by a thread of this process, at a real port."""

import contextlib

from xaisigns.live.running import HOST, in_thread, listening, made
from xaisigns.live.turns import Turns


@contextlib.contextmanager
def serving(exhibit, token="", port=0):
    """Gives the address."""
    with listening(port) as own, Turns() as turns:
        door, server = made(exhibit, turns, own, token)
        with in_thread(server, own):
            yield f"http://{HOST}:{door.port}{door.path}"
