"""Tables of annotation as programs write them: what has one meaning is read, all else refused with table and row."""

import random

import pytest

from xaisigns.data.tables import names_in, place_below, read_rows
from xaisigns.errors import DataError, XaisignsError

COLUMNS = ["Filename", "Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2", "ClassId"]
ROWS = [["00000_00000.ppm", 29, 30, 5, 6, 24, 25, 14], ["deeper/00000_00001.ppm", 30, 31, 0, 0, 29, 30, 0]]
READ = [(("00000_00000.ppm",), 14, (5, 6, 24, 25)), (("deeper", "00000_00001.ppm"), 0, (0, 0, 29, 30))]


def text(rows=ROWS, columns=COLUMNS, delimiter=";", end="\n"):
    return end.join(delimiter.join(map(str, row)) for row in [columns, *rows]) + end


def read(tmp_path, content, column="Filename"):
    table = tmp_path / "table.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [tuple(row[:3]) for row in read_rows(table, column)]


def refused(tmp_path, content):
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "table.csv"))
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def with_index():
    return text([[number, *row] for number, row in enumerate(ROWS)], ["", *COLUMNS], ",")


WRITTEN = {
    "as it is": text(),
    "with commas, as Kaggle does": text(delimiter=","),
    "with tabs": text(delimiter="\t"),
    "lines of Windows": text(end="\r\n"),
    "lines of an old Mac": text(end="\r"),
    "no end of the last line": text().rstrip(),
    "CSV UTF-8 of Excel": b"\xef\xbb\xbf" + text().encode(),
    "Unicode text of Excel": text(delimiter="\t", end="\r\n").encode("utf-16"),
    "UTF-16 from the other end": b"\xfe\xff" + text().encode("utf-16-be"),
    "the separator named": "sep=;\r\n" + text(end="\r\n"),
    "all quoted": text([[f'"{cell}"' for cell in row] for row in ROWS], [f'"{name}"' for name in COLUMNS]),
    "spaces around cells": text([[f" {cell}\t" for cell in row] for row in ROWS], [f" {name} " for name in COLUMNS]),
    "floats of pandas": text([[row[0], *(f"{cell}.0" for cell in row[1:])] for row in ROWS]),
    "an index of pandas": with_index(),
    "upper case columns": text(columns=[name.upper() for name in COLUMNS]),
    "another order": text([row[::-1] for row in ROWS], COLUMNS[::-1]),
    "no width and height": text([[row[0], *row[3:]] for row in ROWS], [COLUMNS[0], *COLUMNS[3:]]),
    "blank widths": text([[row[0], "", "", *row[3:]] for row in ROWS]),
    "blank lines and cells": text([ROWS[0], [""] * 8, [], [*ROWS[1], "", ""]]),
    "backslashes": text([ROWS[0], ["deeper\\00000_00001.ppm", *ROWS[1][1:]]]),
    "dots": text([["./00000_00000.ppm", *ROWS[0][1:]], [".\\deeper//./00000_00001.ppm", *ROWS[1][1:]]]),
}


@pytest.mark.parametrize("content", WRITTEN.values(), ids=WRITTEN.keys())
def test_every_way_to_write_it_gives_the_same_rows(tmp_path, content):
    assert read(tmp_path, content) == READ


BROKEN = {
    "a cell too many": [*ROWS[0], 9],
    "a cell too few": ROWS[0][:-1],
    "half a pixel": [ROWS[0][0], 29, 30, 5.5, 6, 24, 25, 14],
    "a comma in a number": [ROWS[0][0], 29, 30, "5,0", 6, 24, 25, 14],
    "a huge number": [ROWS[0][0], 29, 30, 5, 6, 24, 25, "1" * 5000],
    "another script's number": [ROWS[0][0], 29, 30, 5, 6, 24, 25, "\u0664"],
    "a number in hexadecimal": [ROWS[0][0], 29, 30, 5, 6, 24, 25, "0xe"],
    "no number": [ROWS[0][0], 29, 30, 5, 6, 24, 25, "nan"],
    "a class that is not there": [ROWS[0][0], 29, 30, 5, 6, 24, 25, 43],
    "a box beyond the image": [ROWS[0][0], 29, 30, 5, 6, 29, 25, 14],
}


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_one_meaning_is_refused_with_its_line(tmp_path, row):
    message = refused(tmp_path, text([ROWS[1], row]))
    assert "table.csv: cannot use the row {'filename': '00000_00000.ppm'" in message
    assert " in line 3; wanted 8 cells" in message
    assert len(message) < 900


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../a",
        "a/../../b",
        "/etc/passwd",
        "..\\a",
        "a\\..\\b",
        "C:\\a",
        "c:a",
        "C:/a",
        "\\\\server\\share\\a",
        "//s/a",
        "\\a",
        "\\\\?\\C:\\a",
        "a/.. /b",
        "a/...",
        " ",
        ".",
        "/",
        "a\0b",
        "a\nb",
        "a\x1b[2J",
        "a\u202eb",
        "d/" * 40 + "a",
    ],
)
def test_a_place_that_leads_elsewhere_on_any_system_is_none(name):
    assert place_below(name) == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "cannot be read as a table: it is empty"),
        ("\n\n;;;\n", "cannot be read as a table: it is empty"),
        (b"Filename;ClassId\n\xff\xfe\n", "cannot be read as a table: 'utf-8' codec"),
        (text().encode("utf-16-le"), "cannot be read as a table: it has bytes that are no text"),
        (text().encode("utf-32"), "cannot be read as a table: it has bytes that are no text"),
        (text().encode("utf-16")[:-1], "cannot be read as a table: 'utf-16-le' codec"),
        (
            text(columns=[*COLUMNS[:-1], "Class"]),
            "cannot be used: wanted one column ClassId, got the columns 'filename, ",
        ),
        (text(columns=[*COLUMNS[:-2], "ClassId", "CLASSID"]), "cannot be used: wanted one column"),
        (text([[*ROWS[0], 15]], [*COLUMNS, "classid"]), "cannot be used: wanted one column ClassId"),
        (text(delimiter="|"), "cannot be used: wanted one column Filename"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(tmp_path, content, told):
    assert f"table.csv {told}" in refused(tmp_path, content)


def test_a_table_of_gigabytes_is_not_read(tmp_path):
    with (tmp_path / "table.csv").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match=r"cannot be read as a table: it has more than 67,108,864 bytes"):
        list(read_rows(tmp_path / "table.csv", "Filename"))


def test_names_are_given_of_what_is_a_table_of_gtsrbs_only(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(text([*ROWS, ["../c"]]))
    assert names_in(table, "Filename") == ["00000_00000.ppm", "deeper/00000_00001.ppm", "../c"]
    table.write_text("id,label\n1.png,cat\n")
    assert names_in(table, "Path") == []
    table.write_text("ClassId,file\n1,a.png\n")
    with pytest.raises(DataError, match="wanted one column Path"):
        names_in(table, "Path")


def test_damaged_tables_give_places_below_or_an_error_of_ours(tmp_path):
    drawn = random.Random(0)
    contents = [content if isinstance(content, bytes) else content.encode() for content in WRITTEN.values()]
    for _ in range(400):
        damaged = bytearray(drawn.choice(contents))
        for _ in range(drawn.randint(1, 6)):
            place = drawn.randrange(len(damaged))
            damaged[place : place + drawn.choice([0, 1, 9])] = drawn.choice(
                [b"", b"..", b"/", b"\\", b"\0", b'"', b";", b"\n", b"\r", drawn.randbytes(3), b"9" * 500]
            )
        try:
            rows = read(tmp_path, bytes(damaged))
        except XaisignsError:
            continue
        for place, class_id, roi in rows:
            assert place
            assert not {"..", ".", ""} & set(place)
            assert not any(sign in part for part in place for sign in "/\\\0\n")
            assert class_id in range(43)
            assert min(roi) >= 0


def test_a_size_is_told_where_width_and_height_are(tmp_path):
    (tmp_path / "table.csv").write_text(text([ROWS[0], ["00000_00001.ppm", "", *ROWS[1][2:]]]))
    wanted = (int(ROWS[0][1]), int(ROWS[0][2]))
    assert [row.size for row in read_rows(tmp_path / "table.csv", "Filename")] == [wanted, None]
