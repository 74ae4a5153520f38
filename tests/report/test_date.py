import datetime

import pytest

from xaisigns.errors import OutputError
from xaisigns.report.date import source_date_epoch, today


def test_the_day_is_that_of_the_source_where_one_is_set(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert (source_date_epoch(), today()) == (86400, datetime.date(1970, 1, 2))
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert source_date_epoch() is None
    assert abs(today() - datetime.datetime.now(datetime.UTC).date()) <= datetime.timedelta(days=1)


@pytest.mark.parametrize("value", ["yesterday", "-1", "1.5", "9" * 12])
def test_anything_but_whole_seconds_is_refused(value, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(OutputError, match="SOURCE_DATE_EPOCH is wanted in whole seconds since 1970, got"):
        today()
