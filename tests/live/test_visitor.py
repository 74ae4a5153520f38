"""One page's talk, and that what it is told equals what `xaisigns explain` says of the same picture."""

import base64
import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import xaisigns as xs
from tests.live.asks import FIFTY, ask
from xaisigns.errors import DataError
from xaisigns.live import composing
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.visitor import Visitor
from xaisigns.pictures.explanation import Explaining, explain_files

STROKE = {"points": [[0.2, 0.2], [0.7, 0.3]], "width": 0.1, "colour": [255, 255, 255], "erases": False}


@pytest.fixture
def visitor(narrow, untrained):
    return Visitor(Exhibit(xs.load_model(untrained), [], "en"))


def file(image, kind="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def bomb():
    """A PNG that says to have 60000 x 60000 pixels."""
    said = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    chunks = [(13, said), (0, b"IDAT")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", length) + chunk + struct.pack(">I", zlib.crc32(chunk)) for length, chunk in chunks
    )


@pytest.mark.parametrize("kind", ["drawn", "own"])
def test_an_answer_is_what_explain_says_of_the_kept_sign(kind, visitor, tmp_path):
    picture = FIFTY
    if kind == "own":
        noise = np.random.default_rng(0).integers(0, 256, (70, 50, 3), dtype=np.uint8)
        picture = {"kind": "own", "number": visitor.take(file(Image.fromarray(noise)))["number"]}
    told = visitor.answer(ask(picture=picture, strokes=[STROKE], question={"target": 4}))
    kept = visitor.answer(ask(picture=picture, strokes=[STROKE], question={"target": 4}, wants="files"))
    (tmp_path / "sign.png").write_bytes(base64.b64decode(kept["sign"]))
    model = visitor._exhibit.model
    document = explain_files(model, [tmp_path / "sign.png"], tmp_path / "out", Explaining(target=4, npy=True))
    (said,) = document["results"]
    (answer,) = told["answers"]
    assert [one["id"] for one in answer["top"]] == [one["id"] for one in said["top"]]
    assert [one["probability"] for one in answer["top"]] == pytest.approx(
        [one["probability"] for one in said["top"]], abs=1e-6
    )
    relevance = np.load(said["files"]["relevance"]).sum(axis=0)
    values = np.frombuffer(base64.b64decode(answer["heatmap"]["values"]), dtype=np.int8).reshape(relevance.shape)
    limit = np.abs(relevance).max()
    assert answer["heatmap"]["limit"] == pytest.approx(limit, rel=1e-4)
    np.testing.assert_allclose(values * limit / 127, relevance, atol=0.51 * limit / 127)


def test_the_picture_is_sent_to_a_page_that_has_it_not(visitor):
    assert "picture" not in visitor.answer(ask())
    told = visitor.answer(ask(has_picture=False))
    with Image.open(io.BytesIO(base64.b64decode(told["picture"]))) as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(xs.draw_sign(2, 128, 1132).image))
    assert (told["kind"], told["number"]) == ("answer", 1)
    json.dumps(told, allow_nan=False)


def test_what_is_on_the_sign_does_not_change_what_was_said_before(visitor):
    plain = visitor.answer(ask(sticker=None))
    covered = visitor.answer(ask(strokes=[STROKE], sticker={"size": 1}))
    assert plain["plain"] == covered["plain"]
    assert plain["plain"][0]["id"] == plain["answers"][0]["top"][0]["id"]
    assert covered["answers"][0]["heatmap"] != plain["answers"][0]["heatmap"]


def test_while_a_line_grows_it_alone_is_drawn_anew(visitor, monkeypatch):
    drawn, line = [], composing._line
    monkeypatch.setattr(composing, "_line", lambda stroke, size: drawn.append(stroke) or line(stroke, size))
    strokes = [{**STROKE, "width": width} for width in (0.1, 0.2, 0.3)]
    visitor.answer(ask(strokes=strokes))
    assert len(drawn) == 3
    longer = [*strokes[:2], {**strokes[2], "points": [*STROKE["points"], [0.1, 0.9]]}]
    visitor.answer(ask(strokes=longer))
    assert len(drawn) == 4
    visitor.answer(ask(strokes=[*longer, STROKE]))
    assert len(drawn) == 5
    kept = visitor.answer(ask(wants="files", strokes=[*longer, STROKE], sticker=None))["sign"]
    whole = composing.paint(xs.draw_sign(2, 128, 1132).image, ask(strokes=[*longer, STROKE]).strokes)
    with Image.open(io.BytesIO(base64.b64decode(kept))) as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(whole))


def test_ones_own_picture_is_reduced_and_only_the_last_is_kept(visitor):
    first = visitor.take(file(Image.new("RGB", (2000, 1000), "red"), "JPEG"))
    told = visitor.answer(ask(picture={"kind": "own", "number": first["number"]}, has_picture=False))
    with Image.open(io.BytesIO(base64.b64decode(told["picture"]))) as picture:
        assert picture.size == (500, 250)
    second = visitor.take(file(Image.new("RGB", (20, 20), "blue")))
    assert second["number"] != first["number"]
    with pytest.raises(DataError, match="your picture is no longer here: send it again"):
        visitor.answer(ask(picture={"kind": "own", "number": first["number"]}))
    assert visitor.answer(ask(picture={"kind": "own", "number": second["number"]}))["kind"] == "answer"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "your file cannot be read as a picture; one of PNG"),
        (b"no picture", "your file cannot be read as a picture; one of PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "your file cannot be read as a picture"),
        (file(Image.new("RGB", (1, 1))), "your picture has 1 x 1 pixels, at least 8 are wanted"),
        (file(Image.new("RGB", (40, 40)))[:-30], "your file cannot be read as a picture"),
        (file(Image.new("1", (8000, 8000))), "your picture has more than 50 million pixels; make it smaller"),
        (bomb(), "your picture has more than 50 million pixels; make it smaller"),
        (file(Image.new("RGB", (8, 513))), "your picture has 8 x 513 pixels, which is too narrow"),
        (file(Image.new("RGB", (8, 5000))), "your picture has 8 x 5000 pixels, which is too narrow; cut it"),
        (file(Image.new("RGB", (5000, 7))), "your picture has 5000 x 7 pixels, at least 8 are wanted"),
        (b"x" * 20_000_001, "a picture of at most 20 MB is taken; make it smaller"),
    ],
    ids=[
        "empty",
        "text",
        "postscript",
        "a pixel",
        "cut",
        "many pixels",
        "bomb",
        "just too narrow",
        "narrow",
        "low",
        "large",
    ],
)
def test_a_file_that_is_no_picture_is_told_in_a_line(visitor, content, reason):
    with pytest.raises(DataError) as refused:
        visitor.take(content)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(DataError, match="no longer here"):
        visitor.answer(ask(picture={"kind": "own", "number": 1}))


@pytest.mark.parametrize("size", [(512, 8), (80, 5000), (16, 1024)])
def test_a_picture_that_is_just_wide_enough_is_taken(visitor, size):
    assert visitor.take(file(Image.new("RGB", size)))["number"] == 1
