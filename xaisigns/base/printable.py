"""Text that may be anyone's, made safe to show in a terminal or a picture."""

import unicodedata

# Control characters, invisible ones that format, halves of characters, breaks of lines and paragraphs.
_NOT_SHOWN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str) -> str:
    r"""The text in one line, with what a terminal would obey or hide written as Python escapes it: ESC as ``\x1b``.

    That is of control characters, of those that turn the direction or have no width, and of halves of characters, which
    stand for bytes in file names that are no UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _NOT_SHOWN else char
        for char in text
    )
