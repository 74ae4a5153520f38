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
from xaisigns.report.date import source_date_epoch
from xaisigns.report.report import Report
from xaisigns.report.section import WORDS, Section
from xaisigns.report.tiles import Tiles

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
    """Everything that the templates read: ``report.json``, and a folder for each section with what it tells."""
    for section in content.sections:
        place = folder / "sections" / section.name
        place.mkdir(parents=True)
        _write_section(section, content, place)
    data = {
        "language": content.language,
        "words": WORDS.all(content.language),
        "title": content.title(),
        "columns": [method.told() for method in content.columns()],
        "sections": [
            {"name": section.name, "level": section.level, "heading": section.heading(content.language)}
            for section in content.sections
        ],
    }
    (folder / "report.json").write_text(json_text(data, indent=None), encoding="utf-8")
    for name in _TEMPLATES:
        (folder / name).write_bytes(files("xaisigns.report").joinpath("templates", name).read_bytes())


def _write_section(section: Section, content: Report, folder: Path) -> None:
    """Its fragment, what this tells as ``told.json``, tiles as raw pixels, photographs as JPEG, charts as SVG."""
    told = section.tell(content)
    for name, chart in section.charts(told, content.language).items():
        (folder / f"{name}.svg").write_bytes(chart)
    side = 1
    for name, grid in section.grids(content):
        side = grid.side
        for row, image in enumerate([] if grid.images is None else grid.images):
            # A photograph is a third as large as JPEG; what its pixels lose is not seen.
            Image.fromarray(image).save(folder / f"{name}-{row}.jpg", quality=95, subsampling=0)
        (folder / f"{name}.rgb").write_bytes(_magnified(grid.heatmaps, side))
    told = {**told, "words": section.words(content.language), "side": side * _factor(side)}
    (folder / "told.json").write_text(json_text(told, indent=None), encoding="utf-8")
    (folder / "section.typ").write_text(section.part("section.typ"), encoding="utf-8")


def _magnified(tiles: Tiles, side: int) -> bytes:
    """Raw RGB, every pixel repeated: viewers smooth what they magnify, and then only a part of a pixel."""
    return tiles.repeat(_factor(side), axis=-3).repeat(_factor(side), axis=-2).tobytes()


def _factor(side: int) -> int:
    return max(1, _ENOUGH // side)
