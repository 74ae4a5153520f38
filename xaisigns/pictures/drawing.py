"""Figures that look the same whatever the caller has told matplotlib."""

import io
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib import colormaps
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# With the number of colours that a matplotlibrc may have changed.
COLOURS = colormaps["bwr"].resampled(256)
# For controls, which must not take the eye: the stronger, the darker, whatever the sign.
GREYS = LinearSegmentedColormap.from_list("controls", ["0.55", "1", "0.55"])
# The settings are one dictionary for the whole process.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def drawing(settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Matplotlib's own defaults, and ``settings`` over them, in place of styles, rcParams and matplotlibrc files.

    Letters that the font does not have become boxes, without a warning for each: class names are anyone's. Afterwards
    the caller's settings are as they were; another thread that draws waits until then.
    """
    chosen: Any = {**_defaults(), **(settings or {})}
    with _ONE_AT_A_TIME, mpl.rc_context(chosen), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


class NotebookFigure(Figure):
    """A figure that is drawn and saved by matplotlib's defaults, and shown by a notebook without pyplot."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure as matplotlib does by its defaults."""
        with drawing():
            super().draw(renderer)

    def savefig(self, *args: Any, **options: Any) -> None:
        """Write the figure as matplotlib does by its defaults."""
        with drawing():
            super().savefig(*args, **options)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    # The backend is no matter of looks, and setting it closes the caller's figures.
    return {str(name): value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
