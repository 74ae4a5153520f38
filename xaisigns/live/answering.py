"""What the models say about a picture, and why, as plain data that a page draws."""

import base64
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xaisigns.attribution.methods import Method, find_method, methods
from xaisigns.attribution.prepared import Prepared
from xaisigns.attribution.result import Result
from xaisigns.attribution.specification import number_text
from xaisigns.base.bounds import shown
from xaisigns.data.preprocessing import resize, resize_mask
from xaisigns.errors import MethodError
from xaisigns.live.composing import Composed
from xaisigns.live.messages import Question
from xaisigns.live.one_pass import OnePass
from xaisigns.metrics.localisation import relevance_mass
from xaisigns.model.evaluation import predict
from xaisigns.model.explainable import Explainable, batch_for
from xaisigns.pictures.explanation import layer_rows
from xaisigns.pictures.figures import limit_of
from xaisigns.pictures.files import check_class
from xaisigns.pictures.models import naming

# They take seconds for an answer, which all other visitors would wait for.
_SLOW = ("kernel_shap", "feature_ablation", "occlusion")
_TOP = 5
_READY = 4  # methods of a model that are kept ready; each has a copy of the network
_LEVELS = 127  # of a heatmap to either side of zero


class Answering:
    """Models, by their names, with the methods that were asked for last kept ready for each."""

    def __init__(self, models: Mapping[str, Explainable]) -> None:
        self.models = models
        self._ready: OrderedDict[tuple[str, str, str | None, bool], Prepared | OnePass] = OrderedDict()

    def plain(self, picture: Image.Image) -> list[dict[str, Any]]:
        """What each model calls an RGB picture: the class's id and its probability."""
        told = []
        for name, model in self.models.items():
            with naming(name):
                logits = predict(model, resize(picture, model.preprocessing.input_size)[None])[0]
            told.append({"id": int(logits.argmax()), "probability": float(logits.softmax(0).max())})
        return told

    def answers(self, composed: Composed, question: Question) -> list[dict[str, Any]]:
        """What each model says, in their order. Raises as ``explain_files`` does for what it cannot be asked."""
        return [self._answer(name, model, composed, question) for name, model in self.models.items()]

    def _answer(self, name: str, model: Explainable, composed: Composed, question: Question) -> dict[str, Any]:
        with naming(name):
            check_class(model, "target", question.target)
            if question.against != "rest":
                check_class(model, "against", question.against)
            layers = [question.layer] if question.layer else []
            prepared = self._prepared(name, model, question)
            result = prepared(batch_for(model, [composed.image]), question.target, question.against, layers=layers)
            return {"model": name, **_told(result, composed.mask)}

    def _prepared(self, name: str, model: Explainable, question: Question) -> Prepared | OnePass:
        key = name, question.method, composite_of(question), question.against is not None
        if key not in self._ready:
            method = asked_method(question)
            while len(self._ready) >= _READY * len(self.models):
                self._ready.popitem(last=False)
            self._ready[key] = OnePass(method, model) if method.composite else method.prepared(model)
        self._ready.move_to_end(key)
        return self._ready[key]


def offered_methods() -> list[str]:
    """The names of the methods that answer while one waits."""
    return [method.name for method in methods() if method.name not in _SLOW]


def asked_method(question: Question) -> Method:
    """The method that is asked for. Raises as ``find_method``, and MethodError for one that the page does not offer."""
    method = find_method(question.method, composite=composite_of(question), contrast=question.against is not None)
    if question.method not in offered_methods():  # with options, such as a small window, others take minutes, too
        raise MethodError(f"the page does not offer {shown(question.method)}: let 'xaisigns explain' take it")
    return method


def composite_of(question: Question) -> str | None:
    """What ``--composite`` says of a question."""
    if question.composite is None or question.gamma is None:
        return question.composite
    return f"{question.composite}:gamma={number_text(question.gamma)}"


def _told(result: Result, mask: NDArray[np.bool_] | None) -> dict[str, Any]:
    probabilities, heatmap = result.probabilities[0], result.heatmap[0].float().numpy(force=True)
    best = result.logits[0].topk(min(_TOP, len(probabilities))).indices.tolist()
    against = int(result.against[0]) if isinstance(result.against, Tensor) else result.against
    told = {
        "top": [{"id": class_id, "probability": float(probabilities[class_id])} for class_id in best],
        "target": int(result.target[0]),
        "against": against,
        "logit": float(result.logit[0]),
        "heatmap": _map(heatmap),
        "inside": None,
        "area": None,
        "layer": None,
    }
    if mask is not None:
        small = torch.from_numpy(resize_mask(mask, len(heatmap)))[None]
        told["inside"] = float(relevance_mass(result.relevance.cpu(), small))
        told["area"] = float(small.double().mean())
    for row, relevance in zip(layer_rows(result.layers), result.layers.values(), strict=True):
        inner = relevance[0].float().numpy(force=True)
        told["layer"] = {**row, "map": _map(inner.sum(axis=0)) if inner.ndim == 3 else None}
    return told


def _map(heatmap: NDArray[np.floating]) -> dict[str, Any]:
    """A heatmap ``(h, w)`` in whole numbers from -127 to 127, rows in base64; ``limit`` is what 127 stands for."""
    limit = limit_of(heatmap)
    values = np.rint(heatmap / limit * _LEVELS).astype(np.int8)
    return {
        "width": values.shape[1],
        "height": values.shape[0],
        "limit": limit,
        "values": base64.b64encode(values.tobytes()).decode(),
    }
