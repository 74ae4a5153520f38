"""Days and durations as a language writes them."""

import datetime

from xaisigns.base.language import Language, catalogue


def date(day: datetime.date, language: Language) -> str:
    """A day by its number, the month's name and the year."""
    written = catalogue(language)["format"]
    return str(written["date"]).format(day=day.day, month=written["months"][day.month - 1], year=day.year)


def duration(seconds: float) -> str:
    """Minutes and seconds, alike in all languages."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
