"""One page that is open: what it has sent, and what was made for it last."""

import base64
import io
import math
from typing import Any

from PIL import Image

from xaisigns.data.preprocessing import FORMATS, MAX_PIXELS, rgb
from xaisigns.live.composing import LONGEST, Composed, lay, paint
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.keeping import files_to_keep, png
from xaisigns.live.messages import LARGEST_FILE, Ask, OwnPicture, Stroke
from xaisigns.live.refusal import RefusedError

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

        Raises RefusedError for what is no picture or larger than the page sends.
        """
        if len(content) > LARGEST_FILE:
            raise RefusedError("large", most=LARGEST_FILE // 1_000_000)
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                _refuse_by_size(opened)
                image = rgb(opened, longest=LONGEST)
        except RefusedError:
            raise
        except Image.DecompressionBombError as error:  # which Pillow raises before it tells the size
            raise RefusedError("many", most=MAX_PIXELS // 1_000_000) from error
        except Exception as error:  # a decoder raises whatever damaged bytes lead it to
            raise RefusedError("unreadable", formats=", ".join(FORMATS)) from error
        self._own, self._number = image, self._number + 1
        self._made.clear()
        return {"kind": "taken", "number": self._number}

    def answer(self, ask: Ask) -> dict[str, Any]:
        """What the page is told. Raises XaisignsError for what it cannot be answered."""
        picture = self._made_once("picture", ask.picture, lambda: self._picture(ask))
        painted = self._painted(picture, ask.picture, ask.strokes)
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
            raise RefusedError("gone")
        return self._own

    def _painted(self, picture: Image.Image, key: Any, strokes: tuple[Stroke, ...]) -> Image.Image:
        """The picture with the strokes; those before the last one, which still grows, are kept apart."""
        if not strokes:
            return picture
        before = key, strokes[:-1]
        if "painted" in self._made and self._made["painted"][0] == before:
            self._made["before"] = self._made["painted"]
        ground = self._made_once("before", before, lambda: paint(picture, strokes[:-1]))
        painted: Image.Image = self._made_once("painted", (key, strokes), lambda: paint(picture, strokes[-1:], ground))
        return painted

    def _made_once(self, what: str, key: Any, make: Any) -> Any:
        """What was made for the same key the last time, or else now."""
        if what not in self._made or self._made[what][0] != key:
            self._made[what] = key, make()
        return self._made[what][1]


def _refuse_by_size(image: Image.Image) -> None:
    """Refuse what ``rgb`` does, whose words are those of the command line, and what has too few pixels to be seen."""
    most = MAX_PIXELS // 2 if image.format == "WEBP" else MAX_PIXELS
    if math.prod(image.size) > most:
        raise RefusedError("many", most=most // 1_000_000)
    if min(image.size) < _SMALLEST:
        raise RefusedError("small", width=image.width, height=image.height, least=_SMALLEST)
    if min(image.size) < _SMALLEST * math.ceil(max(image.size) / LONGEST):  # by which it is reduced
        raise RefusedError("narrow", width=image.width, height=image.height)
