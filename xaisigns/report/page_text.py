"""Text of the user's as a page can hold it."""

import unicodedata

_NOT_ON_A_PAGE = "\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def plain(text: str) -> str:
    """A text on one line, without what no page can hold, or what turns the direction of a line of it.

    That is controls, surrogates, XML's two exceptions, and overrides of the direction.
    """
    kept = (" " if one in _NOT_ON_A_PAGE or unicodedata.category(one) in ("Cc", "Cs") else one for one in text)
    return " ".join("".join(kept).split())
