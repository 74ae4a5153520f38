import datetime

from xaisigns.base.dates import date, duration


def test_dates_and_durations():
    assert date(datetime.date(2026, 3, 1), "de") == "1. März 2026"
    assert date(datetime.date(2026, 3, 1), "en") == "1 March 2026"
    assert duration(83.4) == "1 min 23 s"
    assert duration(4.2) == "4 s"
