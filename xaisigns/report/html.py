"""The report as one HTML file that needs no network: a sprite of tiles for each class, layout and script inside."""

import base64
import hashlib
import io
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from xaisigns.base.files import whole_file
from xaisigns.errors import OutputError
from xaisigns.report.content import Report
from xaisigns.report.document import Document
from xaisigns.report.tiles import Grid, Tiles, highlight_tiles, section_grid, tile_side

if TYPE_CHECKING:
    from jinja2 import Environment


HTML_MARK = b'<meta name="generator" content="xaisigns">'


def write_html(content: Report, path: Path) -> None:
    """Write ``html_report``, whole or not at all. Raises OutputError when the place cannot be written, too."""
    with whole_file(path, HTML_MARK) as temporary:
        temporary.write_bytes(html_report(content))


def html_report(content: Report) -> bytes:
    """The report as one HTML file; the same content gives the same bytes.

    Raises OutputError when the package Jinja2 is missing.
    """
    environment = _environment()
    document, side = Document(content), tile_side(content)
    keys = [method.key for method in document.columns]
    sections, sprites = [], {}
    for section in content.sections:
        grid = section_grid(section, keys, side)
        told = document.section(section, grid)
        if told["rows"]:
            sprites[f"class-{section.id}"] = _sprite(_rows(grid))
        sections.append(told)
    for number, highlight in enumerate(content.highlights):
        sprites[f"highlight-{number}"] = _sprite(highlight_tiles(highlight, side)[None])
    script, style = (_part(f"report.{ending}") for ending in ("js", "css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.get_template("report.html.j2")
    page = template.render(
        document.front(), sections=sections, sprites=sprites, script=script, style=style, script_hash=digest
    )
    return page.encode()


def _environment() -> "Environment":
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise OutputError("an HTML report needs Jinja2; install it: pip install 'xaisigns[report]'") from error
    loader = PackageLoader("xaisigns.report")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _part(name: str) -> str:
    return files("xaisigns.report").joinpath("templates", name).read_text(encoding="utf-8")


def _rows(grid: Grid) -> Tiles:
    return np.concatenate([grid.images[:, None], grid.heatmaps], axis=1)


def _sprite(tiles: Tiles) -> str:
    """Tiles ``(rows, columns, S, S, 3)`` side by side as the data URI of a lossless WebP."""
    rows, columns, side = tiles.shape[:3]
    pixels = tiles.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    buffer = io.BytesIO()
    # More effort takes five times as long for a file as large.
    Image.fromarray(pixels).save(buffer, "webp", lossless=True, quality=50, method=1)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
