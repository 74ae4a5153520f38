"""What settings and the documents in files may hold: one schema each, and one line that tells what does not fit."""

from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from xaisigns.base.bounds import shown
from xaisigns.base.documents import strict_json
from xaisigns.errors import ModelError

LARGEST_SEED = 2**32 - 1  # numpy's
LARGEST_SIDE = 1024  # where one image takes about a gigabyte on its way through the network
_MOST_CLASSES = 4096  # whose confusion matrix has 17 million entries
_HINT = dict.fromkeys(("mean", "std"), "; divide by 255 what is of pixels in 0..255")

_SCHEMAS: dict[type[Any], type[BaseModel]] = {}  # by dataclass

_Settings = TypeVar("_Settings")


def _as_plain(value: Any) -> Any:
    """Numbers of numpy as Python's, lists as tuples."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return tuple(map(_as_plain, value)) if isinstance(value, list) else value


def _number(low: float, high: float) -> Any:
    kind = "a whole number" if isinstance(low, int) else "a number"
    return Field(strict=True, ge=low, le=high, allow_inf_nan=False, description=f"{kind} from {low:g} to {high}")


_PLAIN = BeforeValidator(_as_plain)
Classes = Annotated[int, _PLAIN, _number(2, _MOST_CLASSES)]
Side = Annotated[int, _PLAIN, _number(32, LARGEST_SIDE)]
Seed = Annotated[int, _PLAIN, _number(0, LARGEST_SEED)]
Epochs = Annotated[int, _PLAIN, _number(1, 10_000)]
BatchSize = Annotated[int, _PLAIN, _number(1, 4096)]
LearningRate = Annotated[float, _PLAIN, _number(1e-9, 100.0)]
Share = Annotated[float, _PLAIN, _number(0.0, 1.0)]
_Deviation = Annotated[float, _PLAIN, _number(0.001, 2.0)]
Mean = Annotated[tuple[Share, Share, Share], _PLAIN, Field(description="three numbers from 0 to 1, of pixels in 0..1")]
Std = Annotated[
    tuple[_Deviation, _Deviation, _Deviation],
    _PLAIN,
    Field(description="three numbers from 0.001 to 2, of pixels in 0..1"),
]


def check(settings: Any) -> None:
    """Raise ModelError for a dataclass whose values are not what its annotations allow; numbers become Python's."""
    for name, value in validated(_schema_of(type(settings)), vars(settings)).items():
        object.__setattr__(settings, name, value)


def constructed(kind: type[_Settings], values: dict[str, Any]) -> _Settings:
    """A dataclass from all of its values. Raises ModelError where one is missing, unknown or does not fit."""
    return kind(**validated(_schema_of(kind), values))


def validated(schema: type[BaseModel], values: Any) -> dict[str, Any]:
    """The values as the schema takes them. Raises ModelError that names the first that does not fit."""
    try:
        return dict(schema.model_validate(values))
    except ValidationError as error:
        raise ModelError(_told(schema, values, error)) from error


def read_document(text: str) -> dict[str, Any]:
    """The object that a JSON text holds. Raises ModelError for anything else, as ``strict_json`` refuses it."""
    try:
        document = strict_json(text)
    except ValueError as error:
        raise ModelError(f"its metadata is no JSON as xaisigns writes it: {str(error)[:100]}") from error
    if not isinstance(document, dict):
        raise ModelError("its metadata is no JSON object")
    return document


def _schema_of(kind: type[Any]) -> type[BaseModel]:
    if kind not in _SCHEMAS:
        fields: dict[str, Any] = {name: (hint, ...) for name, hint in get_type_hints(kind, include_extras=True).items()}
        _SCHEMAS[kind] = create_model(kind.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    return _SCHEMAS[kind]


def _told(schema: type[BaseModel], values: Any, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return f"wanted an object, got {shown(values)}"
    name = str(first["loc"][0])
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"{name} is missing"
    if first["type"] == "extra_forbidden":
        return f"{shown(name)} is unknown"
    wanted = schema.model_fields[name].description or first["msg"].removeprefix("Input should be ")
    return f"{name}: wanted {wanted}, got {shown(values[name])}{_HINT.get(name, '')}"
