"""Every attribution method by its name, its options, and one signature: ``method(model, images, target) -> Result``.

A method is written ``NAME[:option=value]...[:contrast]``, such as ``occlusion:window=8:stride=4`` or
``saliency:contrast``; for LRP the composite comes behind the name: ``lrp:epsilon_gamma_box:gamma=0.1``.
"""

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from xaisigns.attribution import controls, gradients, perturbations
from xaisigns.attribution.agreement import Asked, faithful_copy, refuse_difference
from xaisigns.attribution.assignment import Rules, rules_text
from xaisigns.attribution.composites import DEFAULT_COMPOSITE, canonical_composite
from xaisigns.attribution.images import Images
from xaisigns.attribution.lrp import LRP, Target, check_outputs, class_ids
from xaisigns.attribution.result import Result
from xaisigns.attribution.running import BATCH, Between, contrasted, quiet
from xaisigns.attribution.specification import Specification, number, number_text, read_specification
from xaisigns.base.bounds import shown
from xaisigns.base.language import Language
from xaisigns.base.texts import Text, Texts, own_text
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import MethodError, ShapeError

DEFAULT_METHODS = (
    "lrp",
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "guided_backprop",
    "gradcam",
    "occlusion",
    "random",
    "edges",
    "uniform",
)

_TEXTS = Texts("methods")
Explain = Callable[..., Result]
# Images, class ids and those to contrast with, of one internal batch, to relevance.
_Attribution = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True, eq=False)
class Method:
    """An attribution method with its options set. ``methods`` lists them, ``find_method`` finds one by specification.

    ``name`` is the specification; ``key`` is it with every option, the same for two specifications of one method.
    ``source`` is a key of docs/references.bib, ``options`` has the defaults too. A control knows nothing of the
    network. With ``contrast`` it explains a logit less another one. ``known`` is whether ``key`` says all that it does,
    which it does not of a function of the caller's.
    """

    name: str
    key: str
    description: Text
    source: str | None
    control: bool
    options: Mapping[str, float | str]
    contrast: bool
    composite: str | None
    # From the model to its canonized copy, and what explains by it.
    _prepare: Callable[[nn.Module], tuple[nn.Sequential, _Attribution]] = field(repr=False)
    known: bool = True

    def __call__(
        self, model: nn.Module, images: Tensor, target: Target | None = None, against: Target | None = None
    ) -> Result:
        """``prepared(model)(images, target, against)`` in one call."""
        return self.prepared(model)(images, target, against)

    def prepared(self, model: nn.Module) -> Explain:
        """The method made ready for a model, for many calls: ``(images, target=None, against=None) -> Result``.

        The model is one that ``LRP`` takes; it is copied, never changed. In each call it is asked itself for the logits
        of the images, which its copy must give, too. ``images`` are ``(N, 3, H, W)``, any number of them in bounded
        memory; ``target`` is a class id or ``(N,)`` of them, without it each image's predicted class. ``against`` is
        used by a contrast only; without it that takes the runner-up, the highest logit but the target's. Threads may
        share it, and wait for each other.

        Raises RuleError for a model or a rule, and for a model that gives other outputs than its layers do; ModelError
        for one that gives NaN; MethodError for an option; ShapeError for images, class ids or a relevance that do not
        fit.
        """
        with own_torch_state():
            network, attribution = self._prepare(model)
            asked, taken = Asked(model), Images(network)
        lock = threading.Lock()

        def explain(images: Tensor, target: Target | None = None, against: Target | None = None) -> Result:
            with own_torch_state(), lock:
                own = taken.own(images)
                batches = own.split(BATCH)
                logits = torch.cat([asked.logits(batch) for batch in batches])
                for said, batch in zip(logits.split(BATCH), batches, strict=True):
                    refuse_difference(said, network, batch)
                targets = logits.argmax(dim=1) if target is None else class_ids(target, len(own), "target", own.device)
                check_outputs(logits, targets)
                others = self._others(logits, targets, against)
                parts = [
                    self._checked(
                        attribution(own[some], targets[some], None if others is None else others[some]), own[some]
                    )
                    for some in (slice(start, start + BATCH) for start in range(0, len(own), BATCH))
                ]
            return Result(torch.cat(parts), targets, others, logits, self.name, self.composite)

        return explain

    def _others(self, logits: Tensor, targets: Tensor, against: Target | None) -> Tensor | None:
        if not self.contrast:
            return None
        if logits.shape[1] < 2:
            raise MethodError("a contrast needs a network of 2 classes or more, this one has 1")
        if against is None:
            return logits.scatter(1, targets[:, None], -torch.inf).argmax(dim=1)
        others = class_ids(against, len(logits), "against", logits.device)
        check_outputs(logits, others)
        return others

    def _checked(self, relevance: Tensor, images: Tensor) -> Tensor:
        """Relevance of every channel; a method that knows none gives each channel the same share."""
        count, channels, *sides = images.shape
        shape = tuple(relevance.shape) if isinstance(relevance, Tensor) else type(relevance).__name__
        if shape not in ((count, *sides), (count, 1, *sides), (count, channels, *sides)):
            raise ShapeError(
                f"relevance of method {self.name!r} must be a tensor (N, {channels}, H, W), (N, 1, H, W) or (N, H, W) "
                f"for images {tuple(images.shape)}, got {shape}"
            )
        if not relevance.isfinite().all():
            raise MethodError(f"method {self.name!r} gives relevance that is not finite for these images")
        spread = relevance[:, None] if relevance.ndim == 3 else relevance
        spread = spread.detach().to(images.dtype)
        return spread if spread.shape[1] == channels else spread.expand(images.shape) / channels


def attribute(
    model: nn.Module,
    x: Tensor,
    target: Target | None = None,
    against: Target | None = None,
    *,
    method: str = "lrp",
    composite: str | None = None,
    rules: Rules | None = None,
) -> Result:
    """Explain the model's prediction for each image, or the ``target`` class(es) where given.

    ``against`` asks what speaks for the target rather than for another class. ``x`` is ``(N, 3, S, S)`` as
    ``model.preprocess`` gives it; ``composite`` and ``rules`` are for LRP. Raises as ``find_method`` and
    ``Method.prepared`` do.
    """
    found = find_method(method, composite=composite, rules=rules, contrast=against is not None)
    return found(model, x, target, against)


def find_method(
    text: str, *, composite: str | None = None, rules: Rules | None = None, contrast: bool = False
) -> Method:
    """The method that ``text`` specifies, with - or _; ``contrast`` as if the word were in it.

    ``composite`` and ``rules`` set those of LRP. Raises MethodError for a method or an option that does not exist, with
    those that do, and RuleError for a composite.
    """
    wanted = read_specification(text)
    if wanted.name == "lrp":
        return _lrp(wanted, composite, rules, contrast=contrast)
    if composite is not None or rules is not None:
        raise MethodError(f"composite and rules are for method lrp alone, not for {text!r}")
    entries = {**_BUILT_IN, **_REGISTERED}
    if wanted.name not in entries:
        raise MethodError(f"no method {shown(text)}; there are {', '.join(['lrp', *entries])}")
    entry = entries[wanted.name]
    given = _options(wanted, entry)
    wanted = wanted._replace(options={name: number_text(value) for name, value in given.items()})
    options = {**entry.options, **given}
    contrast = contrast or wanted.contrast
    if contrast and entry.control:
        raise MethodError(f"{wanted.name!r} knows nothing of classes: it has no contrast")
    function = partial(entry.function, **options)

    def prepare(model: nn.Module) -> tuple[nn.Sequential, _Attribution]:
        network, _ = faithful_copy(model)
        return network, _by_captum(function, network)

    written = {name: number_text(value) for name, value in options.items()}
    key = str(Specification(wanted.name, options=written, contrast=contrast))
    known = wanted.name in _BUILT_IN
    told = _TEXTS.text(wanted.name) if known else entry.description
    return Method(str(wanted), key, told, entry.source, entry.control, options, contrast, None, prepare, known)


def methods() -> list[Method]:
    """Every method with its defaults, the controls last."""
    found = [find_method(name) for name in ("lrp", *_BUILT_IN, *_REGISTERED)]
    return sorted(found, key=lambda method: method.control)


def register_method(name: str, function: Callable[..., Tensor], description: str | Mapping[Language, str] = "") -> None:
    """Make a callable of your own a method: ``register_method("mine", function)``, then ``method="mine"`` anywhere.

    ``function(network, images, target)`` gives relevance ``(N, 3, H, W)``, ``(N, 1, H, W)`` or ``(N, H, W)``.
    ``network`` is a copy of the model in eval mode, BatchNorm folded, ReLU not in place; take hooks off it again.
    ``images`` ``(N, 3, H, W)`` want a gradient; ``target`` is ``(N,)`` class ids. Keyword parameters with a number as
    default become options. The description is a text for every language, or one for each; a language without one
    gets the first. It defaults to the first line of the docstring. Raises MethodError for a name that is taken or
    cannot be written in a specification, LanguageError for a description that is no text.
    """
    key = name.replace("-", "_") if isinstance(name, str) else ""
    if not key.isidentifier():
        raise MethodError(f"a method's name is letters, digits and _, got {shown(name)}")
    if not callable(function):
        raise MethodError(f"a method is a function (network, images, target), got {shown(function)}")
    if key in _RESERVED or key in _BUILT_IN or key in _REGISTERED:
        raise MethodError(f"there is a method {key!r} already; give another name")
    _REGISTERED[key] = _Entry(function, description=description)


class _Entry:
    """A function of the registry, with what its signature and docstring tell."""

    def __init__(
        self,
        function: Callable[..., Tensor],
        source: str | None = None,
        *,
        control: bool = False,
        description: str | Mapping[Language, str] = "",
    ) -> None:
        self.function, self.source, self.control = function, source, control
        self.description = own_text(description or (inspect.getdoc(function) or "").partition("\n")[0])

    @property
    def options(self) -> dict[str, float]:
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if type(p.default) in (int, float)}

    def check(self, name: str, value: float) -> None:
        """Raise MethodError for a value outside the range that the option's annotation tells."""
        annotation = inspect.signature(self.function).parameters[name].annotation
        for between in getattr(annotation, "__metadata__", ()):
            if isinstance(between, Between) and not between.low <= value <= between.high:
                low, high = (number_text(end) for end in between)
                raise MethodError(f"{name} must be from {low} to {high}, got {number_text(value)}")


_BUILT_IN = {
    "saliency": _Entry(gradients.saliency, "simonyan2014deep"),
    "input_x_gradient": _Entry(gradients.input_x_gradient, "shrikumar2016not"),
    "integrated_gradients": _Entry(gradients.integrated_gradients, "sundararajan2017axiomatic"),
    "smoothgrad": _Entry(gradients.smoothgrad, "smilkov2017smoothgrad"),
    "guided_backprop": _Entry(gradients.guided_backprop, "springenberg2015striving"),
    "deconvolution": _Entry(gradients.deconvolution, "zeiler2014visualizing"),
    "deep_lift": _Entry(gradients.deep_lift, "shrikumar2017learning"),
    "gradient_shap": _Entry(gradients.gradient_shap, "lundberg2017unified"),
    "guided_gradcam": _Entry(gradients.guided_gradcam, "selvaraju2017gradcam"),
    "gradcam": _Entry(gradients.gradcam, "selvaraju2017gradcam"),
    "occlusion": _Entry(perturbations.occlusion, "zeiler2014visualizing"),
    "feature_ablation": _Entry(perturbations.feature_ablation, "kokhlikyan2020captum"),
    "kernel_shap": _Entry(perturbations.kernel_shap, "lundberg2017unified"),
    "random": _Entry(controls.random, control=True),
    "edges": _Entry(controls.edges, "adebayo2018sanity", control=True),
    "uniform": _Entry(controls.uniform, control=True),
}
_REGISTERED: dict[str, _Entry] = {}
_RESERVED = {
    "lrp",
    "contrast",
    "default",
    "composites",
    "all",
}  # words that mean something else where methods are named


def _options(wanted: Specification, entry: _Entry) -> dict[str, float]:
    for word in (*wanted.words, *wanted.options):
        if word not in entry.options:
            known = ", ".join(entry.options) or "none"
            raise MethodError(f"method {wanted.name!r} has no option {word!r}; it has {known}")
    for word in wanted.words:
        raise MethodError(f"option {word!r} of method {wanted.name!r} wants a value: {word}=...")
    given = {
        name: number(name, value, type(entry.options[name]), MethodError) for name, value in wanted.options.items()
    }
    for name, value in given.items():
        entry.check(name, value)
    return given


def _lrp(wanted: Specification, composite: str | None, rules: Rules | None, *, contrast: bool) -> Method:
    if composite is not None:
        if wanted.words or wanted.options:
            raise MethodError(f"{wanted} has a composite already: give it there or as {composite!r}, not both")
        given = read_specification(composite)
        words = (given.name, *given.words)
        wanted = wanted._replace(words=words, options=given.options, contrast=wanted.contrast or given.contrast)
    contrast = contrast or wanted.contrast
    default = read_specification(DEFAULT_COMPOSITE)
    named = Specification(":".join(wanted.words), options=wanted.options)
    written = str(named if wanted.words else default._replace(options={**default.options, **wanted.options}))
    key = f"lrp:{canonical_composite(written)}{':contrast' if contrast else ''}{rules_text(rules)}"

    def prepare(model: nn.Module) -> tuple[nn.Sequential, _Attribution]:
        explainer = LRP(model, written, rules, getattr(model, "bounds", None))
        return explainer.network, explainer.attribute

    return Method(
        str(wanted),
        key,
        _TEXTS.text("lrp"),
        "bach2015pixel",
        control=False,
        options={"composite": written},
        contrast=contrast,
        composite=written,
        _prepare=prepare,
    )


def _by_captum(function: Callable[[nn.Module, Tensor, Tensor], Tensor], network: nn.Sequential) -> _Attribution:
    def attribution(images: Tensor, targets: Tensor, others: Tensor | None) -> Tensor:
        explained: nn.Module = network
        if others is not None:
            explained, targets = contrasted(network, images, targets, others)
        with quiet(), _hooks_taken_off(network):
            return function(explained, images.clone().requires_grad_(), targets)

    return attribution


@contextmanager
def _hooks_taken_off(network: nn.Sequential) -> Iterator[None]:
    """Captum takes its hooks off again, but where Ctrl-C comes between: the next call would run into them."""
    try:
        yield
    except BaseException:
        for layer in network.modules():
            for hooks in (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks):
                hooks.clear()
        raise
