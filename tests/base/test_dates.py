"""Days and durations as a language writes them."""

import datetime

from xaisigns.base.dates import duration, written_date


def test_a_day_is_written_as_people_do():
    assert written_date(datetime.date(2026, 3, 1), "de") == "1. März 2026"
    assert written_date(datetime.date(2026, 12, 31), "en") == "31 December 2026"


def test_durations():
    assert [duration(seconds) for seconds in (4.2, 83.4, 59.6)] == ["4 s", "1 min 23 s", "1 min 0 s"]
