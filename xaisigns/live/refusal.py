"""What a visitor can cause, told in the language of the page."""

from xaisigns.base.texts import Texts
from xaisigns.errors import DataError

TEXTS = Texts("live", "xaisigns.live")


class RefusedError(DataError):
    """What was sent, or asked for, cannot be taken: the page's text ``refused_{key}`` with its ``blanks`` says why."""

    def __init__(self, key: str, **blanks: int | str) -> None:
        self.key, self.blanks = f"refused_{key}", blanks
        super().__init__(TEXTS(self.key, "en", **blanks))
