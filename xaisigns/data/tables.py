"""GTSRB's tables of annotation, as people and their programs write them: which image is of which class, and where."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from xaisigns.base.files import is_file
from xaisigns.data.classes import CLASSES
from xaisigns.data.image_set import Box
from xaisigns.errors import DataError

_CORNERS = ("Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2")
_SIDES = ("Width", "Height")
_NO_SIDE = float("inf")
_LARGEST = 1 << 26  # bytes; Kaggle's table has 2 million
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}(\.0*)?")  # pandas writes 12.0 where a column has a gap
_DEEPEST = 32  # folders within folders
_SLASH, _ANCHOR = re.compile(r"[/\\]"), re.compile(r"[/\\]|.:")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+\.[A-Za-z]+")  # as GTSRB has them: most rows need no more than this
_MOST_SHOWN = 300  # characters of a row


class Row(NamedTuple):
    """An annotated image: the parts of its place below the folder of its table, its class, the box of its sign.

    ``size`` is the image's, None where the table leaves out width or height.
    """

    place: tuple[str, ...]
    class_id: int
    roi: Box
    size: tuple[int, int] | None

    @property
    def stem(self) -> str:
        """The image's name without its suffix."""
        name = self.place[-1]
        stem, _, suffix = name.rpartition(".")
        return stem if stem and suffix else name


def read_rows(table: Path, name_column: str) -> Iterator[Row]:
    """The rows of a table of images, whose places are in ``name_column``.

    Semicolons, commas and tabs part its cells; text is UTF-8 or UTF-16. Raises DataError, with table and row, for what
    has more than one meaning or none, and for a place that is not below its folder.
    """
    header, rows = _parsed(table)
    columns = [_column(table, header, name) for name in (name_column, "ClassId", *_CORNERS)]
    # A side without a column is read as one that is left blank, behind the row's last cell.
    columns += [_column(table, header, side) if side.casefold() in header else len(header) for side in _SIDES]
    pick = itemgetter(*columns)
    for number, cells in rows:
        try:
            yield _row(pick([*cells, ""]) if len(cells) == len(header) else ())
        except ValueError as error:
            shown = f"{dict(zip(header, cells, strict=False))}"[:_MOST_SHOWN]
            raise DataError(
                f"{table}: cannot use the row {shown} in line {number}; wanted {len(header)} cells, {name_column} "
                f"below its folder, Roi.X1 <= Roi.X2 < Width, Roi.Y1 <= Roi.Y2 < Height, all from 0, and ClassId 0 to "
                f"{len(CLASSES) - 1}"
            ) from error


def names_in(table: Path, name_column: str) -> list[str]:
    """The image names in a table, usable or not; none where it has no column of GTSRB's tables.

    Raises DataError for a file that is no table, and where the column of the names alone is missing.
    """
    header, rows = _parsed(table)
    if not {name.casefold() for name in (name_column, "ClassId", *_CORNERS)} & set(header):
        return []
    column = _column(table, header, name_column)
    return [cells[column] for _, cells in rows if column < len(cells)]


def place_below(name: str) -> tuple[str, ...]:
    """The parts of a path below a folder, with either slash; none if it leads elsewhere on any system."""
    if _PLAIN_NAME.fullmatch(name):
        return (name,)
    parts = tuple(part for part in _SLASH.split(name) if part not in ("", "."))
    # Windows takes "C:a" for a place on a drive, and leaves out what dots and spaces end a name.
    leads_away = _ANCHOR.match(name) or not all(part.strip(" .") for part in parts)
    return parts if name.isprintable() and len(parts) <= _DEEPEST and not leads_away else ()


def _parsed(table: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header in lower case, and the cells of each row with the number of its line."""
    if not is_file(table):
        raise DataError(f"{table} is missing: it tells class and position of every sign in its folder")
    try:
        lines = list(io.StringIO(_text(table), newline=""))
        # Excel begins a table so where the list separator is another one than the system's.
        first = 1 if lines and re.fullmatch("sep=.", lines[0].strip(), re.IGNORECASE) else 0
        delimiter = max(";,\t", key="".join(lines[first : first + 1]).count)
        reader = csv.reader(lines[first:], delimiter=delimiter)
        rows = [(first + reader.line_num, list(map(str.strip, cells))) for cells in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table} cannot be read as a table: {error}; fetch it again") from error
    filled = [(number, cells) for number, cells in rows if any(cells)]
    if not filled:
        raise DataError(f"{table} cannot be read as a table: it is empty; fetch it again")
    header = [cell.casefold() for cell in filled[0][1]]
    count = len(header)
    return header, [(number, cells if len(cells) == count else _trimmed(cells, count)) for number, cells in filled[1:]]


def _text(table: Path) -> str:
    with table.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST:,} bytes")
    # Excel's "Unicode text" is UTF-16, its "CSV UTF-8" begins with a mark.
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    if "\0" in text:
        raise ValueError("it has bytes that are no text")
    return text


def _trimmed(cells: list[str], count: int) -> list[str]:
    """Without blank cells behind the last column."""
    return cells if len(cells) < count or any(cells[count:]) else cells[:count]


def _column(table: Path, header: Sequence[str], name: str) -> int:
    if header.count(name.casefold()) != 1:
        found = ", ".join(header)[:_MOST_SHOWN]
        raise DataError(f"{table} cannot be used: wanted one column {name}, got the columns {found!r}; fetch it again")
    return header.index(name.casefold())


def _row(cells: Sequence[str]) -> Row:
    """A row of name, class, corners and sides. Raises ValueError for one that cannot be used."""
    name, *numbers, wide, high = cells
    place = place_below(name)
    class_id, x1, y1, x2, y2 = map(_whole, numbers)
    # A side that a program left blank is not needed.
    width, height = _whole(wide) if wide else None, _whole(high) if high else None
    fits = x1 <= x2 < (_NO_SIDE if width is None else width) and y1 <= y2 < (_NO_SIDE if height is None else height)
    if not place or class_id >= len(CLASSES) or not fits:
        raise ValueError(cells)
    return Row(place, class_id, (x1, y1, x2, y2), None if width is None or height is None else (width, height))


@lru_cache(maxsize=4096)
def _whole(cell: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(cell):
        raise ValueError(cell)
    return int(cell.partition(".")[0])
