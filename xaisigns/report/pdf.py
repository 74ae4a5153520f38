"""The report as PDF, set by Typst: data as JSON, tiles as raw pixels, charts as SVG; tagged, with outline and links."""

import tempfile
from datetime import UTC, datetime, time
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
from PIL import Image

from xaisigns.base.documents import json_text
from xaisigns.base.files import whole_file
from xaisigns.errors import OutputError
from xaisigns.report.charts import accuracy_chart, scores_chart
from xaisigns.report.content import Report
from xaisigns.report.date import source_date_epoch
from xaisigns.report.document import Document
from xaisigns.report.tiles import Tiles, highlight_tiles, section_grid, tile_side

PDF_MARK = b"% made by xaisigns"
_TEMPLATES = ("report.typ", "parts.typ")  # the first is compiled
_ENOUGH = 128  # pixels on a side of a tile, from which no viewer's smoothing is seen


def write_pdf(content: Report, path: Path) -> None:
    """Write ``pdf_report``, whole or not at all. Raises OutputError when the place cannot be written, too."""
    with whole_file(path, PDF_MARK) as temporary:
        temporary.write_bytes(pdf_report(content))


def pdf_report(content: Report) -> bytes:
    """Set the report as PDF/UA-1; the same content gives the same bytes.

    The file's own date is SOURCE_DATE_EPOCH where it is set, else the content's. Raises OutputError when the package
    typst is missing.
    """
    typst = _typst()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_parts(content, folder)
        try:
            pdf: bytes = typst.compile(
                folder / _TEMPLATES[0],
                root=folder,
                font_paths=[Path(mpl.get_data_path()) / "fonts" / "ttf"],
                ignore_system_fonts=True,
                pdf_standards=["ua-1"],
                timestamp=_timestamp(content),
            )
        except typst.TypstError as error:
            raise OutputError(f"the PDF could not be set: {error.message}") from error
    # Its metadata may lie anywhere in the file; a comment is allowed at the end.
    body, word, place = pdf.rpartition(b"startxref")
    return body + PDF_MARK + b"\n" + word + place


def _typst() -> ModuleType:
    try:
        import typst
    except ImportError as error:
        raise OutputError("a PDF report needs Typst; install it: pip install 'xaisigns[report]'") from error
    return typst


def _timestamp(content: Report) -> int:
    given = source_date_epoch()
    return int(datetime.combine(content.date, time(), UTC).timestamp()) if given is None else given


def _write_parts(content: Report, folder: Path) -> None:
    """Everything that the template reads."""
    document, side = Document(content), tile_side(content)
    data = document.front()
    if data["accuracies"]:
        (folder / "accuracy.svg").write_bytes(accuracy_chart(data["accuracies"], content.language))
    for number, metric in enumerate(data["metrics"]):
        (folder / f"metric-{number}.svg").write_bytes(scores_chart(metric["rows"]))
    keys = [method.key for method in document.columns]
    sections = []
    for section in content.sections:
        grid = section_grid(section, keys, side)
        for row, image in enumerate(grid.images):
            # A photograph is a third as large as JPEG; what its pixels lose is not seen.
            Image.fromarray(image).save(folder / f"class-{section.id}-{row}.jpg", quality=95, subsampling=0)
        (folder / f"class-{section.id}.rgb").write_bytes(_magnified(grid.heatmaps, side))
        sections.append(document.section(section, grid))
    for number, highlight in enumerate(content.highlights):
        (folder / f"highlight-{number}.rgb").write_bytes(_magnified(highlight_tiles(highlight, side), side))
    data |= {"sections": sections, "side": side * _factor(side)}
    (folder / "report.json").write_text(json_text(data, indent=None), encoding="utf-8")
    for name in _TEMPLATES:
        (folder / name).write_bytes(files("xaisigns.report").joinpath("templates", name).read_bytes())


def _magnified(tiles: Tiles, side: int) -> bytes:
    """Raw RGB, every pixel repeated: viewers smooth what they magnify, and then only a part of a pixel."""
    return tiles.repeat(_factor(side), axis=-3).repeat(_factor(side), axis=-2).tobytes()


def _factor(side: int) -> int:
    return max(1, _ENOUGH // side)
