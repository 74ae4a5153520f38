"""A page that is served by a thread of this process, at a real port."""

import contextlib
import threading

from xaisigns.live.running import HOST, listening, made
from xaisigns.live.turns import Turns


@contextlib.contextmanager
def serving(exhibit, token="", port=0):
    """Gives the address."""
    with listening(port) as own, Turns() as turns:
        door, server = made(exhibit, turns, own, token)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
        thread.start()
        try:
            yield f"http://{HOST}:{door.port}{door.path}"
        finally:
            server.should_exit = True
            thread.join()
