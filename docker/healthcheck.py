"""Exit 1 where the container serves JupyterLab and it does not answer; a container that runs one command is healthy."""

import http.client
import os
import sys
from pathlib import Path

if (Path.home() / ".serves-jupyterlab").exists():
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["JUPYTER_PORT"]), timeout=5)
    try:
        connection.request("GET", "/api")  # the one address that asks for no token
        answer = connection.getresponse()
    except OSError as error:
        sys.exit(f"JupyterLab does not answer: {error}")
    if answer.status != http.client.OK:
        sys.exit(f"JupyterLab answers {answer.status} {answer.reason}")
