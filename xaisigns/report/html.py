"""The report as one HTML file that needs no network: a sprite for each grid of tiles, layout and script inside."""

import base64
import hashlib
import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from xaisigns.base.files import whole_file
from xaisigns.errors import OutputError
from xaisigns.report.report import Report
from xaisigns.report.section import WORDS, Section
from xaisigns.report.tiles import Grid

if TYPE_CHECKING:
    from jinja2 import Environment


HTML_MARK = b'<meta name="generator" content="xaisigns">'


def write_html(content: Report, path: Path) -> None:
    """Write ``html_report``, whole or not at all. Raises OutputError when the place cannot be written, too."""
    with whole_file(path, HTML_MARK) as temporary:
        temporary.write_bytes(html_report(content))


def html_report(content: Report) -> bytes:
    """The report as one HTML file; the same content gives the same bytes.

    Raises OutputError when the package Jinja2 is missing, and for a fragment that cannot be filled.
    """
    environment = _environment()
    sprites = {}
    for section in content.sections:
        for name, grid in section.grids(content):
            if name not in sprites:
                sprites[name] = _sprite(grid)
    script, style = (_joined(content.sections, ending) for ending in ("js", "css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.get_template("report.html.j2").render(
        language=content.language,
        words=WORDS.all(content.language),
        title=content.title(),
        columns=[method.told() for method in content.columns()],
        chapters=_chapters([_filled(section, content, environment) for section in content.sections]),
        sprites=sprites,
        script=script,
        style=style,
        script_hash=digest,
    )
    return page.encode()


def _environment() -> "Environment":
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise OutputError("an HTML report needs Jinja2; install it: pip install 'xaisigns[report]'") from error
    loader = PackageLoader("xaisigns.report")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _filled(section: Section, content: Report, environment: "Environment") -> dict[str, Any]:
    """A section as the page places it, with its fragment as markup."""
    from jinja2 import TemplateError
    from markupsafe import Markup

    words = section.words(content.language)
    try:
        fragment = environment.from_string(section.part("section.html.j2")).render(section.tell(content), words=words)
    except TemplateError as error:
        raise OutputError(f"the section {section.name!r} cannot be shown as HTML: {error}") from error
    return {
        "name": section.name,
        "level": section.level,
        "heading": section.heading(content.language),
        "entries": section.entries(content),
        "html": Markup(fragment),  # noqa: S704 - Jinja2 has escaped what is in it
    }


def _chapters(sections: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Sections of level 2 go with the one before."""
    chapters: list[list[dict[str, Any]]] = []
    for section in sections:
        if section["level"] == 2 and chapters:
            chapters[-1].append(section)
        else:
            chapters.append([section])
    return chapters


def _joined(sections: Sequence[Section], ending: str) -> str:
    """The report's own script or style, and then those of its sections."""
    own = files("xaisigns.report").joinpath("templates", f"report.{ending}").read_text(encoding="utf-8")
    return "\n".join([own, *filter(None, (section.part(f"section.{ending}") for section in sections))])


def _sprite(grid: Grid) -> str:
    """The tiles of all rows, the image first, as the data URI of a lossless WebP."""
    tiles = grid.heatmaps
    if grid.images is not None:
        tiles = np.concatenate([grid.images[:, None], tiles], axis=1)
    rows, columns, side = tiles.shape[:3]
    pixels = tiles.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    buffer = io.BytesIO()
    # More effort takes five times as long for a file as large.
    Image.fromarray(pixels).save(buffer, "webp", lossless=True, quality=50, method=1)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
