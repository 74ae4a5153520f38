"""The faces of the 43 signs: hand-written SVG files, rasterised."""

import io
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import resvg_py
from PIL import Image, ImageOps

MARGIN = 2  # pixels around a rasterised face, so that its edges stay smooth when it is turned
_LARGEST_CACHED = 512  # pixels on each side, of which all classes take 60 MB
_RIM = "#e6e7e4"  # every sign's outermost paint
_WITHOUT_GROUND = "#ground { display: none }"


@dataclass(frozen=True, eq=False)
class Face:
    """A sign seen from the front, upright and square: its colours (RGB) and what the sheet and the pictogram cover (L).

    There is a margin of MARGIN pixels around it. Beside the sheet the colour is that of its rim, so that nothing else
    bleeds in when the face is scaled.
    """

    colour: Image.Image
    sheet: Image.Image
    pictogram: Image.Image


def rasterised_face(class_id: int, pixels: int) -> Face:
    """The face of a class, ``pixels`` wide and high within its margin; it is cached, so it must not be drawn on."""
    return _cached_face(class_id, pixels) if pixels <= _LARGEST_CACHED else _rasterised(class_id, pixels)


@lru_cache(maxsize=256)
def _cached_face(class_id: int, pixels: int) -> Face:
    return _rasterised(class_id, pixels)


def _rasterised(class_id: int, pixels: int) -> Face:
    drawing = face_drawing(class_id)
    whole, pictogram = _raster(drawing, pixels), _raster(drawing, pixels, _WITHOUT_GROUND)
    colour = Image.new("RGB", whole.size, _RIM)
    colour.paste(whole, mask=whole)
    return Face(colour, whole.getchannel("A"), pictogram.getchannel("A"))


def face_drawing(class_id: int) -> str:
    """The SVG text of a class: ``#ground`` is sheet, ring and field, ``#pictogram`` what is drawn on them.

    Lengths run from the middle of the sign, whose larger side is 200. Where a sign has no symbol (give way, priority
    road, closed to all vehicles) the pictogram is its plain field.
    """
    return (files("xaisigns.data.drawn") / "signs" / f"{class_id:02d}.svg").read_text(encoding="utf-8")


def _raster(drawing: str, pixels: int, style: str | None = None) -> Image.Image:
    encoded = resvg_py.svg_to_bytes(svg_string=drawing, width=pixels, style_sheet=style, skip_system_fonts=True)
    with Image.open(io.BytesIO(encoded), formats=["PNG"]) as image:
        return ImageOps.expand(image.convert("RGBA"), MARGIN)
