"""What a visitor takes home: the sign as a file, the picture that ``explain`` writes of it, and its command."""

import base64
import io
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from xaisigns.attribution.specification import DEFAULT_COMPOSITE
from xaisigns.base.language import Language, chosen_language
from xaisigns.live.answering import asked_method, composite_of
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.messages import Question
from xaisigns.pictures.explanation import Explaining, explain_files

NAME = "sign.png"


def files_to_keep(exhibit: Exhibit, image: Image.Image, question: Question, language: Language) -> dict[str, Any]:
    """The image and the picture that ``explain`` writes of it, each as base64 of a PNG, and that ``command``.

    Raises as ``asked_method`` and ``explain_files`` do, and LanguageError.
    """
    asked_method(question)
    wanted = Explaining(
        question.method,
        _composite(question),
        target=question.target,
        against=question.against,
        layers=[question.layer] if question.layer else [],
        language=chosen_language(language),
    )
    with tempfile.TemporaryDirectory(prefix="xaisigns-") as folder:
        sign = Path(folder, NAME)
        sign.write_bytes(png(image))
        document = explain_files(exhibit.model, [sign], Path(folder, "heatmaps"), wanted)
        picture = Path(document["results"][0]["files"]["picture"]).read_bytes()
        return {
            "sign": base64.b64encode(sign.read_bytes()).decode(),
            "picture": base64.b64encode(picture).decode(),
            "command": shlex.join(_command(exhibit.options, question, language)),
        }


def png(image: Image.Image) -> bytes:
    """The image as the bytes of a PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _composite(question: Question) -> str | None:
    """The composite that is asked for, None for the one that ``explain`` takes by itself, and leaves unsaid."""
    composite = composite_of(question)
    return None if composite == DEFAULT_COMPOSITE else composite


def _command(models: Sequence[str], question: Question, language: Language) -> list[str]:
    words = ["xaisigns", "explain", NAME, *models]
    composite = _composite(question)
    if question.method != "lrp":
        words += ["--method", question.method]
    elif composite is not None:
        words += ["--composite", composite]
    if question.target is not None:
        words += ["--target", str(question.target)]
    if question.against is not None:
        words += ["--against", str(question.against)]
    if question.layer:
        words += ["--layer", question.layer]
    return [*words, "--lang", language]
