"""The page in a notebook: served by a thread of the notebook's own process, shown in a frame."""

import importlib.util
import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from xaisigns.base.language import Language, chosen_language
from xaisigns.live.opening import opened_exhibit
from xaisigns.live.running import HOST, in_thread, listening, made
from xaisigns.live.turns import Turns
from xaisigns.model.explainable import Explainable
from xaisigns.model.loading import loaded
from xaisigns.pictures.models import by_name
from xaisigns.study.study import Data

_SERVER_VARIABLE = "JUPYTERHUB_SERVICE_PREFIX"


class LivePage:
    """A page that is served until ``close()``, or the end of the process; a notebook shows it in a frame."""

    def __init__(self, address: str, frame: str, stack: ExitStack, height: int) -> None:
        self.address, self._frame, self._stack, self._height = address, frame, stack, height

    def close(self) -> None:
        """Serve it no longer."""
        self._stack.close()

    def _repr_html_(self) -> str:
        style = f"width: 100%; height: {self._height}px; border: 0"
        return f'<iframe src="{self._frame}" title="xaisigns live" allow="clipboard-write" style="{style}"></iframe>'


def live(
    model: Explainable | Path | str | Mapping[str, Explainable],
    data: Data = None,
    *,
    findings: Path | str | None = None,
    language: Language | None = None,
    port: int = 0,
    height: int = 900,
) -> LivePage:
    """Show the page of ``xaisigns live`` in a notebook: drag a sticker, and the answer and its heatmap follow.

    ``model`` is a model, a name or a file as ``xs.load_model`` takes it, or several by their names; ``data`` a data
    set, or its folder, to choose images from; ``findings`` the ``findings.json`` of an audit of one of the models.
    ``port`` 0 is a free one; ``height`` is the frame's in pixels. The page is served on this machine alone, at an
    address that nobody can guess, until ``close()``. Where the notebook's server has the extension
    jupyter-server-proxy, as in the container, the frame goes through that server.

    Raises OutputError where a package of the extra ``live`` is missing or the port cannot be had, ModelError for what
    is no model, LanguageError for a language that is not spoken, and as ``xs.audit`` does for data and findings.
    """
    language = chosen_language(language)
    named = model if isinstance(model, Mapping) else loaded(model)
    options = ["--model", str(model)] if isinstance(model, Path | str) else ["--model", "MODEL"] * len(by_name(named))
    with ExitStack() as stack:
        own = stack.enter_context(listening(port))
        exhibit = opened_exhibit(named, options, data, findings, language=language)
        turns = stack.enter_context(Turns())
        door, server = made(exhibit, turns, own, secrets.token_urlsafe(24))
        stack.enter_context(in_thread(server, own))
        address = f"http://{HOST}:{door.port}{door.path}"
        return LivePage(address, _frame(address, door.port, door.path), stack.pop_all(), height)


def _frame(address: str, port: int, path: str) -> str:
    """The address by which the notebook's own page reaches the server."""
    prefix = _prefix() if importlib.util.find_spec("jupyter_server_proxy") else None
    return address if prefix is None else f"{prefix}proxy/{port}{path}"


def _prefix() -> str | None:
    """The path below which the server of the notebook answers; None where none is known, as in an editor."""
    if prefix := os.environ.get(_SERVER_VARIABLE):
        return prefix
    found: list[dict[str, Any]] = []
    if importlib.util.find_spec("jupyter_server") is not None:
        from jupyter_server.serverapp import list_running_servers

        found = list(list_running_servers())
    own = [one for one in found if one.get("pid") == os.getppid()]
    return str(own[0]["base_url"]) if own else None
