"""One page that is open: what it has sent, and what was made for it last."""

import base64
import io
from typing import Any

from PIL import Image

from xaisigns.data.preprocessing import FORMATS, rgb
from xaisigns.errors import DataError
from xaisigns.live.composing import Composed, lay, paint
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.keeping import files_to_keep, png
from xaisigns.live.messages import LARGEST_FILE, Ask, OwnPicture

_LONGEST = 512  # pixels on a side of a visitor's own picture: more would be seen by no network, and take time each time
_SMALLEST = 8


class Visitor:
    """Answers one page; for one thread. Its own picture is kept in memory alone, and only the last one that it sent."""

    def __init__(self, exhibit: Exhibit) -> None:
        self._exhibit = exhibit
        self._own: Image.Image | None = None
        self._number = 0
        self._made: dict[str, tuple[Any, Any]] = {}

    def take(self, content: bytes) -> dict[str, Any]:
        """Keep the picture in a file's bytes, in place of the one before.

        Raises DataError for what is no picture or larger than the page sends.
        """
        if len(content) > LARGEST_FILE:
            raise DataError(f"a picture of at most {LARGEST_FILE / 1e6:.0f} MB is taken; make it smaller")
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                image = rgb(opened, longest=_LONGEST)
        except DataError as error:
            raise DataError(f"your picture {str(error).removeprefix('the image ')}") from error
        except Exception as error:  # a decoder raises whatever damaged bytes lead it to
            raise DataError(f"your file cannot be read as a picture; one of {', '.join(FORMATS)} is taken") from error
        if min(image.size) < _SMALLEST:
            raise DataError(f"your picture has {image.width} x {image.height} pixels, at least {_SMALLEST} are wanted")
        self._own, self._number = image, self._number + 1
        self._made.clear()
        return {"kind": "taken", "number": self._number}

    def answer(self, ask: Ask) -> dict[str, Any]:
        """What the page is told. Raises XaisignsError for what it cannot be answered."""
        picture = self._made_once("picture", ask.picture, lambda: self._picture(ask))
        painted = self._made_once("painted", (ask.picture, ask.strokes), lambda: paint(picture, ask.strokes))
        composed: Composed = lay(painted, ask.sticker, self._exhibit.patches)
        told: dict[str, Any] = {"kind": ask.wants, "number": ask.number}
        if ask.wants == "files":
            return {**told, **files_to_keep(self._exhibit, composed.image, ask.question, ask.language)}
        if not ask.has_picture:
            told["picture"] = base64.b64encode(png(picture)).decode()
        answering = self._exhibit.answering
        told["plain"] = self._made_once("plain", ask.picture, lambda: answering.plain(picture))
        told["answers"] = answering.answers(composed, ask.question)
        return told

    def _picture(self, ask: Ask) -> Image.Image:
        if not isinstance(ask.picture, OwnPicture):
            return self._exhibit.picture(ask.picture)
        if self._own is None or ask.picture.number != self._number:
            raise DataError("your picture is no longer here: send it again")
        return self._own

    def _made_once(self, what: str, key: Any, make: Any) -> Any:
        """What was made for the same key the last time, or else now."""
        if what not in self._made or self._made[what][0] != key:
            self._made[what] = key, make()
        return self._made[what][1]
