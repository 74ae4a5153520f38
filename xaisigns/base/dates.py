"""Days and durations as a language writes them."""

import datetime

from xaisigns.base.language import Language, written_form


def written_date(day: datetime.date, language: Language) -> str:
    """A day as people write it: 1 March 2026."""
    month = written_form(language, "months")[day.month - 1]
    return str(written_form(language, "date")).format(day=day.day, month=month, year=day.year)


def duration(seconds: float) -> str:
    """Whole minutes and seconds, by the signs that all languages share."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
