"""What a page asks of the server: read with nothing guessed, and bounded, so that no message makes much work."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xaisigns.base.documents import first_fault, strict_json
from xaisigns.errors import DataError

LONGEST_TEXT = 1 << 17  # characters of a message
LARGEST_FILE = 20_000_000  # bytes of a picture
_MOST_POINTS = 5000  # of all strokes together
_LARGEST_NUMBER = 2**53 - 1  # that JavaScript counts exactly

Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[int, Field(ge=0, le=255)]
Number = Annotated[int, Field(ge=0, le=_LARGEST_NUMBER)]
ClassId = Annotated[int, Field(ge=0, le=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Colour = tuple[Level, Level, Level]
Point = tuple[Share, Share]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DrawnPicture(_Part):
    """A sign that the package draws; the seed decides on the scene."""

    kind: Literal["drawn"]
    class_id: ClassId
    seed: Number


class StoredPicture(_Part):
    """The image with this place among those of its class in the data set, in the order in which they are shown."""

    kind: Literal["stored"]
    class_id: ClassId
    place: Number


class OwnPicture(_Part):
    """The picture that the page has sent; ``number`` counts those that it sent before."""

    kind: Literal["own"]
    number: Number


class PlacedSticker(_Part):
    """A sticker: its middle as shares of the picture's width and height, its size as a share of both sides.

    ``angle`` is in degrees, clockwise. ``patch`` is the number of one of the findings' patches, which is laid on in
    place of the colour and the shape.
    """

    x: Share
    y: Share
    size: Annotated[float, Field(ge=0.02, le=1)]
    angle: Annotated[float, Field(ge=-180, le=180)]
    colour: Colour
    shape: Literal["rectangle", "ellipse"]
    patch: Number | None = None


class Stroke(_Part):
    """A line of the brush, or of the eraser, which brings the picture back; ``width``: of the shorter side."""

    points: Annotated[tuple[Point, ...], Field(min_length=1, max_length=1000)]
    width: Annotated[float, Field(ge=0.005, le=0.5)]
    colour: Colour
    erases: bool


class Question(_Part):
    """What is explained, and how: as the options of ``xaisigns explain`` say it.

    ``gamma`` is that of the composite. Without a ``target`` the predicted class is explained.
    """

    method: Name
    composite: Name | None
    gamma: Annotated[float, Field(ge=0, le=10)] | None
    target: ClassId | None
    against: ClassId | Literal["rest"] | None
    layer: Name | None


class Ask(_Part):
    """The state of a page.

    ``number`` comes back with the answer; ``has_picture`` says that the page has the picture itself already. ``wants``
    is an answer to be shown, or the files to be kept.
    """

    number: Number
    wants: Literal["answer", "files"]
    language: Name
    picture: Annotated[DrawnPicture | StoredPicture | OwnPicture, Field(discriminator="kind")]
    has_picture: bool
    sticker: PlacedSticker | None
    strokes: Annotated[tuple[Stroke, ...], Field(max_length=200)]
    question: Question

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if (points := sum(len(stroke.points) for stroke in self.strokes)) > _MOST_POINTS:
            raise ValueError(f"at most {_MOST_POINTS} points of strokes are taken, got {points}; clear some")
        return self


def read_ask(text: str) -> Ask:
    """The message in a text. Raises DataError for anything else."""
    if len(text) > LONGEST_TEXT:
        raise DataError(f"a message has at most {LONGEST_TEXT} characters, this one has {len(text)}")
    try:
        strict_json(text)
        return Ask.model_validate_json(text)
    except ValueError as error:
        reason = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise DataError(f"this is no message that the page sends: {reason}; load the page again") from error
