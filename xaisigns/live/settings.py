"""All that a page is told once: texts in every language, names of classes, and what can be chosen."""

import base64
from dataclasses import replace
from typing import Any

from xaisigns.attribution.composites import COMPOSITES, find_composite
from xaisigns.attribution.methods import methods
from xaisigns.audit.findings import Findings
from xaisigns.audit.wording import sentence
from xaisigns.base.language import Language, languages, missing_texts, written_form
from xaisigns.base.version import __version__
from xaisigns.data.classes import CLASS_NAMES, CLASSES
from xaisigns.data.manipulation import Manipulation
from xaisigns.live.answering import offered_methods
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.keeping import png
from xaisigns.live.messages import LARGEST_FILE
from xaisigns.live.refusal import TEXTS
from xaisigns.model.explainable import Explainable
from xaisigns.pictures.headings import class_name, model_names
from xaisigns.pictures.models import by_name
from xaisigns.study.model_cache import ModelCache


def page_settings(exhibit: Exhibit) -> dict[str, Any]:
    """The settings as plain data. Raises LanguageError where a language lacks texts."""
    models = by_name(exhibit.model)
    names = model_names(models)
    return {
        "version": __version__,
        "exhibit": exhibit.mark,
        "language": exhibit.language,
        "languages": {language: _language(exhibit, language) for language in languages()},
        "models": [
            {"name": names[name], "side": model.preprocessing.input_size, "classes": model.classes}
            for name, model in models.items()
        ],
        "drawn": list(CLASSES),
        "album": exhibit.album.classes() if exhibit.album else [],
        "methods": offered_methods(),
        "composites": {name: gamma_of(name) for name in COMPOSITES},
        "layers": exhibit.layers,
        "audited": exhibit.findings is not None,
        "patches": [base64.b64encode(png(patch)).decode() for patch in exhibit.patches],
        "tour": _is_the_story(exhibit),
        "largest_file": LARGEST_FILE,
    }


def _is_the_story(exhibit: Exhibit) -> bool:
    """Whether there is one model, which learnt with black stickers on every 70: the tour tells of it alone."""
    model, *others = by_name(exhibit.model).values()
    found = model.manipulation
    learnt_so = found is not None and replace(found, seed=0) == Manipulation(4) and model.classes == len(CLASSES)
    return learnt_so and not others


def gamma_of(composite: str) -> float | None:
    """The gamma that a composite's rules have; None where none of them has one."""
    found = find_composite(composite)
    gammas = [rule.settings["gamma"] for _, rule in found.rows if "gamma" in rule.settings]
    return float(gammas[0]) if gammas else None


def _language(exhibit: Exhibit, language: Language) -> dict[str, Any]:
    if missing := TEXTS.missing(language):
        raise missing_texts(language, missing)
    models = by_name(exhibit.model).values()
    return {
        "decimal": written_form(language, "decimal"),
        "percent": written_form(language, "percent"),
        "texts": dict(TEXTS.all(language)),
        "classes": [[class_name(model, class_id, language) for class_id in range(model.classes)] for model in models],
        "signs": CLASS_NAMES[language],
        "methods": {method.name: method.label(language) for method in methods()},
        "findings": _findings(exhibit, language),
    }


def _findings(exhibit: Exhibit, language: Language) -> list[dict[str, Any]]:
    """Each finding's sentence, and the numbers of its patches."""
    if exhibit.findings is None:
        return []
    model = _audited(exhibit, exhibit.findings)
    told, count = [], 0
    for found in exhibit.findings.found:
        patches = len(found.transplant.patches) if found.transplant else 0
        numbers = list(range(count, count + patches))
        count += patches
        name = class_name(model, found.id, language)
        told.append({"id": found.id, "sentence": sentence(found, name, language), "patches": numbers})
    return told


def _audited(exhibit: Exhibit, findings: Findings) -> Explainable:
    """The model that the findings are about."""
    return next(
        model for model in by_name(exhibit.model).values() if ModelCache(model).weights == findings.model.weights
    )
