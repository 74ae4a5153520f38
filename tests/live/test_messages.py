"""Messages: what the page sends is read, all else is refused in one line."""

import json
import random

import pytest

from tests.fuzzing import outcomes
from tests.live.asks import QUESTION, STICKER, message
from xaisigns.errors import DataError
from xaisigns.live.messages import LONGEST_TEXT, read_ask

STROKE = {"points": [[0.1, 0.2], [1, 0]], "width": 0.1, "colour": [255, 0, 0], "erases": False}


def test_what_the_page_sends_is_read():
    ask = read_ask(message(strokes=[STROKE], question={"target": 4, "against": "rest", "layer": "features.8"}))
    assert ask.sticker.model_dump() == {**STICKER, "colour": (14, 14, 16)}
    assert ask.strokes[0].points == ((0.1, 0.2), (1, 0))
    assert (ask.question.target, ask.question.against) == (4, "rest")
    assert read_ask(message(sticker=None)).sticker is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("hello", "Expecting value"),
        ("[1]", "Input should be an object"),
        ("[" * 100_000, "nested too deeply"),
        (message(more=1), "more: Extra inputs are not permitted"),
        (message(sticker={"x": 1.5}), "sticker.x: Input should be less than or equal to 1"),
        (message(sticker={"x": "0.5"}), "sticker.x: Input should be a valid number"),
        (message(sticker={"x": float("nan")}), "NaN is no number of JSON's"),
        (message(sticker={"colour": [0, 0]}), "sticker.colour"),
        (message(sticker={"size": 0}), "sticker.size"),
        (message(sticker={"shape": "star"}), "sticker.shape: Input should be 'rectangle' or 'ellipse'"),
        (message(number=2**53), "number"),
        (message(wants="all"), "wants"),
        (message(picture={"kind": "file", "path": "/etc/passwd"}), "picture"),
        (message(picture={"kind": "stored", "class_id": 1, "place": 0, "path": "/etc/passwd"}), "path: Extra inputs"),
        (message(question={"gamma": 11}), "question.gamma"),
        (message(question={"method": "x" * 201}), "question.method"),
        (message(strokes=[{**STROKE, "points": []}]), "strokes.0.points"),
        (message(strokes=[STROKE] * 201), "strokes"),
        (message(strokes=[{**STROKE, "points": [[0, 0]] * 1000}] * 6), "at most 5000 points"),
        (message(language="x" * LONGEST_TEXT), "a message has at most"),
        ('{"number": 1, "number": 1}', "'number' is in it twice"),
    ],
)
def test_anything_else_is_refused_in_a_line(text, reason):
    with pytest.raises(DataError) as refused:
        read_ask(text)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_message_that_is_damaged_at_random_is_read_or_refused():
    whole = message(strokes=[STROKE], question={**QUESTION, "layer": "features.8"})

    def outcome(drawn: random.Random) -> str:
        letters = list(whole)
        for _ in range(drawn.randint(1, 4)):
            place = drawn.randrange(len(letters))
            letters[place : place + drawn.randint(0, 3)] = drawn.choices(
                '{}[]",:0123456789.-eE \\ul', k=drawn.randint(0, 3)
            )
        try:
            read_ask("".join(letters))
        except DataError:
            return "refused"
        return "read"

    assert outcomes(200, "messages", outcome)["refused"] > 100


def test_a_message_is_as_large_as_the_page_may_make_it():
    point = [0.123, 0.456]
    most = message(strokes=[{**STROKE, "points": [point] * 400}] * 12)
    assert len(most) < LONGEST_TEXT
    assert len(read_ask(json.dumps(json.loads(most))).strokes) == 12
