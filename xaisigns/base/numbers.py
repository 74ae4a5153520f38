"""Numbers as a language writes them."""

import math

from xaisigns.base.language import Language, written_form

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, language: Language) -> str:
    """Three significant digits, without an exponent from 0.001 to 10,000; a dash for what is no number."""
    if not math.isfinite(value):
        return "–"
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if -3 <= exponent < 4:
        text = f"{value:.{max(0, 2 - exponent)}f}"
    else:
        mantissa, exponent_text = f"{value:.1e}".split("e")
        text = f"{mantissa}·10{str(int(exponent_text)).translate(_SUPERSCRIPT)}"
    return written(text, language)


def percent(share: float | None, language: Language, digits: int = 1) -> str:
    """A share of 0..1; a dash for what is no number."""
    if share is None or not math.isfinite(share):
        return "–"
    return f"{written(f'{share:.{digits}%}'[:-1], language)}{written_form(language, 'percent')}"


def whole(value: int, language: Language) -> str:
    """A count, with the language's mark between its thousands."""
    return f"{value:,}".replace(",", written_form(language, "thousands"))


def written(digits: str, language: Language) -> str:
    """A number that Python wrote, with the language's decimal mark and a minus sign."""
    return digits.replace("-", "−").replace(".", written_form(language, "decimal"))
