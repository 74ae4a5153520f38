"""When a report says that it was made."""

import datetime
import os
import re

from xaisigns.errors import OutputError


def source_date_epoch() -> int | None:
    """Seconds since 1970 from the variable SOURCE_DATE_EPOCH; None where it is not set.

    Raises OutputError for anything but whole seconds.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given and not re.fullmatch(r"\d{1,11}", given):
        raise OutputError(f"SOURCE_DATE_EPOCH is wanted in whole seconds since 1970, got {given!r}")
    return int(given) if given else None


def today() -> datetime.date:
    """The day of SOURCE_DATE_EPOCH where it is set, else this one, in UTC."""
    seconds = source_date_epoch()
    now = datetime.datetime.now(datetime.UTC)
    return (now if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)).date()
