"""Every attribution method by its name, its options, and one signature: ``method(model, images, target) -> Result``.

A method is written ``NAME[:option=value]...[:contrast]``, such as ``occlusion:window=8:stride=4`` or
``saliency:contrast``; for LRP the composite comes behind the name: ``lrp:epsilon_gamma_box:gamma=0.1``, and
``lrp:smooth=1`` takes the mean over shifts.
Nothing here imports torch until a method is found or used: to list them takes none.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xaisigns.attribution import controls, gradients, perturbations
from xaisigns.attribution.options import Between, Option, Value, options_of, value_text
from xaisigns.attribution.specification import (
    DEFAULT_COMPOSITE,
    Specification,
    number_text,
    read_specification,
    spelled,
)
from xaisigns.base.bounds import shown
from xaisigns.base.language import Language
from xaisigns.base.plugins import Registry, is_of_package
from xaisigns.base.texts import Text, Texts, own_text
from xaisigns.errors import MethodError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from xaisigns.attribution.assignment import Rules
    from xaisigns.attribution.prepared import Prepared
    from xaisigns.attribution.result import Result
    from xaisigns.attribution.rules import Bounds
    from xaisigns.attribution.targets import Against, Target
    from xaisigns.model.explainable import Explainable

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

_TEXTS, _LABELS = Texts("methods"), Texts("methods.labels")
_SMOOTH = Option(0, Between(0, 8))  # pixels


@dataclass(frozen=True, eq=False)
class Method:
    """An attribution method with its options set. ``methods`` lists them, ``find_method`` finds one by specification.

    ``name`` is the specification, ``source`` a key of docs/references.bib; ``options`` has the defaults too. A control
    knows nothing of the network. With ``contrast`` it explains a logit less another one. ``composite``, ``rules`` and
    ``smooth`` are LRP's, which has no ``function`` of its own: relevance is then the mean over the image moved by up to
    ``smooth`` pixels along each axis, each brought back; the grid of max pooling goes by it.
    """

    name: str
    description: Text
    source: str | None
    control: bool
    options: Mapping[str, Value]
    contrast: bool = False
    composite: str | None = None
    rules: "Rules | None" = field(default=None, repr=False)
    smooth: int = 0
    function: "Callable[..., Tensor] | None" = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The specification with every option, the same for two specifications of one method."""
        if self.composite is None:
            options = {
                name: value if isinstance(value, str) else number_text(float(value))
                for name, value in self.options.items()
            }
            name = read_specification(self.name).name
            return str(Specification(name, options=options, contrast=self.contrast))
        from xaisigns.attribution.assignment import rules_text
        from xaisigns.attribution.composites import canonical_composite

        smooth = f":smooth={self.smooth}" if self.smooth else ""
        contrast = ":contrast" if self.contrast else ""
        return f"lrp:{canonical_composite(self.composite)}{smooth}{contrast}{rules_text(self.rules)}"

    def label(self, language: Language) -> str:
        """The name as people write it, with options as they are typed; that of a method of the caller's is as it is."""
        return label_of(self.name, language)

    @property
    def known(self) -> bool:
        """Whether ``key`` tells all that it does, which it does not for a function or a rule of the caller's."""
        if self.composite is None:
            return self.function is not None and is_of_package(self.function)
        from xaisigns.attribution.assignment import are_built_in
        from xaisigns.attribution.composites import is_built_in

        return is_built_in(self.composite) and are_built_in(self.rules)

    def __call__(
        self,
        model: "nn.Module | Explainable",
        images: "Tensor",
        target: "Target | None" = None,
        against: "Against | None" = None,
    ) -> "Result":
        """``prepared(model)(images, target, against)`` in one call."""
        return self.prepared(model)(images, target, against)

    def prepared(self, model: "nn.Module | Explainable", bounds: "Bounds | None" = None) -> "Prepared":
        """The method made ready for a model, for many calls: ``(images, target=None, against=None) -> Result``.

        The model is one that ``LRP`` takes; it is copied, never changed. In each call it is asked itself for the logits
        of the images, which its copy must give, too. ``bounds`` are those of ``LRP``, the model's own where none are
        given. Raises RuleError for a model or a rule, and for a model that gives other outputs than its layers do;
        ModelError for one that gives NaN.
        """
        from xaisigns.attribution.prepared import Prepared

        return Prepared(self, model, bounds)


def attribute(
    model: "nn.Module | Explainable",
    x: "Tensor",
    target: "Target | None" = None,
    against: "Against | None" = None,
    *,
    method: str = "lrp",
    composite: str | None = None,
    rules: "Rules | None" = None,
) -> "Result":
    """Explain the model's prediction for each image, or the ``target`` class(es) where given.

    ``against`` asks what speaks for the target rather than for another class, or with "rest" than for all others. ``x``
    is ``(N, 3, S, S)`` as ``model.preprocess`` gives it; ``composite`` and ``rules`` are for LRP. Raises as
    ``find_method``, ``Method.prepared`` and ``Prepared`` do.
    """
    found = find_method(method, composite=composite, rules=rules, contrast=against is not None)
    return found(model, x, target, against)


def find_method(
    text: str, *, composite: str | None = None, rules: "Rules | None" = None, contrast: bool = False
) -> Method:
    """The method that ``text`` specifies, with - or _; ``contrast`` as if the word were in it.

    ``composite`` and ``rules`` set those of LRP. Raises MethodError for a method or an option that does not exist, with
    those that do, and RuleError for a composite or a rule.
    """
    wanted = read_specification(text)
    if wanted.name == "lrp":
        found = _lrp(wanted, composite, rules, contrast=contrast)
        _ = found.key  # which refuses composites and rules that do not exist
        return found
    if composite is not None or rules is not None:
        raise MethodError(f"composite and rules are for method lrp alone, not for {text!r}")
    if wanted.name not in METHODS:
        raise MethodError(f"no method {shown(text)}; there are {', '.join(['lrp', *METHODS])}")
    entry = METHODS[wanted.name]
    given = _options(wanted, entry)
    wanted = wanted._replace(options={name: value_text(value) for name, value in given.items()})
    contrast = contrast or wanted.contrast
    if contrast and entry.control:
        raise MethodError(f"{wanted.name!r} knows nothing of classes: it has no contrast")
    return entry.method(wanted, given, contrast=contrast)


def methods() -> list[Method]:
    """Every method with its defaults, the controls last."""
    found = [_lrp(Specification("lrp")), *(entry.method(Specification(name)) for name, entry in METHODS.items())]
    return sorted(found, key=lambda method: method.control)


def label_of(specification: str, language: Language) -> str:
    """``Method.label`` of the method of that specification, whether or not it is known here."""
    name, colon, rest = specification.partition(":")
    return f"{_LABELS(name, language) if name in _LABELS.all('en') else name}{colon}{rest}"


def is_control(name: str) -> bool:
    """Whether a method of this name knows nothing of the model."""
    key = name.partition(":")[0]
    return key in METHODS and METHODS[key].control


def register_method(
    name: str,
    function: "Callable[..., Tensor]",
    description: str | Mapping[Language, str] = "",
    *,
    source: str | None = None,
    control: bool = False,
) -> None:
    """Make a callable of your own a method: ``register_method("mine", function)``, then ``method="mine"`` anywhere.

    ``function(network, images, target)`` gives relevance ``(N, 3, H, W)``, ``(N, 1, H, W)`` or ``(N, H, W)``.
    ``network`` is a copy of the model in eval mode, BatchNorm folded, ReLU not in place; take hooks off it again.
    ``images`` ``(N, 3, H, W)`` want a gradient; ``target`` is ``(N,)`` class ids. Keyword parameters with a number as
    default become options, ``Annotated[int, Between(1, 9)]`` gives one a range; so do choices of ``Literal``. The
    description is a text for every language, or one for each; a language without one gets the first. It defaults to
    the first line of the docstring. ``source`` is a key of docs/references.bib; a ``control`` knows nothing of the
    network and has no contrast. Raises MethodError for a name that is taken or cannot be written in a specification,
    and for what is no such function; LanguageError for a description that is no text.
    """
    key = spelled(name) if isinstance(name, str) else name
    if not callable(function):
        raise MethodError(f"a method is a function (network, images, target), got {shown(function)}")
    if key in _RESERVED:
        raise MethodError(f"there is a method {key!r} already; choose another name")
    _check_signature(function)
    told = description or (inspect.getdoc(function) or "").partition("\n")[0]
    text = _TEXTS.text(key) if is_of_package(function) else own_text(told)
    METHODS.register(key, _Entry(function, text, source, control))


@dataclass(frozen=True, eq=False)
class _Entry:
    """A function of the registry, with what is told of it."""

    function: "Callable[..., Tensor]"
    description: Text
    source: str | None
    control: bool

    def method(
        self, wanted: Specification, given: Mapping[str, Value] | None = None, *, contrast: bool = False
    ) -> Method:
        """The method with the options that were given, all others by default."""
        options = {**{name: option.default for name, option in options_of(self.function).items()}, **(given or {})}
        return Method(
            str(wanted), self.description, self.source, self.control, options, contrast=contrast, function=self.function
        )


def _check_signature(function: "Callable[..., Tensor]") -> None:
    try:
        inspect.signature(function).bind(None, None, None)
    except TypeError as error:
        raise MethodError(
            f"a method is a function (network, images, target) whose other parameters have numbers as default; "
            f"{shown(function)} cannot be called so: {error}"
        ) from error
    except ValueError:  # it tells no signature: then it has no options
        return


def _options(wanted: Specification, entry: _Entry) -> dict[str, Value]:
    options = options_of(entry.function)
    for word in (*wanted.words, *wanted.options):
        if word not in options:
            known = ", ".join(options) or "none"
            raise MethodError(f"method {wanted.name!r} has no option {word!r}; it has {known}")
    for word in wanted.words:
        raise MethodError(f"option {word!r} of method {wanted.name!r} wants a value: {word}=...")
    given = {}
    for name, text in wanted.options.items():
        option = options[name]
        kind = int if isinstance(option.default, int) else float
        given[name] = option.read(name, text, kind, MethodError)
        if not option.takes(given[name]):
            low, high = (number_text(end) for end in option.range)
            raise MethodError(f"{name} must be from {low} to {high}, got {value_text(given[name])}")
    return given


def _lrp(
    wanted: Specification, composite: str | None = None, rules: "Rules | None" = None, *, contrast: bool = False
) -> Method:
    if composite is not None:
        if wanted.words or wanted.options.keys() - {"smooth"}:
            raise MethodError(f"{wanted} has a composite already: give it there or as {composite!r}, not both")
        given = read_specification(composite)
        words = (given.name, *given.words)
        wanted = wanted._replace(
            words=words, options={**wanted.options, **given.options}, contrast=wanted.contrast or given.contrast
        )
    smooth = _SMOOTH.read("smooth", wanted.options.get("smooth", "0"), int, MethodError)
    if not _SMOOTH.takes(smooth):
        raise MethodError(f"smooth must be from 0 to {_SMOOTH.range.high} pixels, got {smooth}")
    called = str(wanted)
    wanted = wanted._replace(options={name: value for name, value in wanted.options.items() if name != "smooth"})
    default = read_specification(DEFAULT_COMPOSITE)
    named = Specification(":".join(wanted.words), options=wanted.options)
    written = str(named if wanted.words else default._replace(options={**default.options, **wanted.options}))
    return Method(
        called,
        _TEXTS.text("lrp"),
        "bach2015pixel",
        control=False,
        options={"composite": written, "smooth": int(smooth)},
        contrast=contrast or wanted.contrast,
        composite=written,
        rules=rules,
        smooth=int(smooth),
    )


METHODS: Registry[_Entry] = Registry("method", MethodError)
# Words that mean something else where methods are named.
_RESERVED = ("lrp", "contrast", "default", "composites", "all")

register_method("saliency", gradients.saliency, source="simonyan2014deep")
register_method("input_x_gradient", gradients.input_x_gradient, source="shrikumar2016not")
register_method("integrated_gradients", gradients.integrated_gradients, source="sundararajan2017axiomatic")
register_method("smoothgrad", gradients.smoothgrad, source="smilkov2017smoothgrad")
register_method("guided_backprop", gradients.guided_backprop, source="springenberg2015striving")
register_method("deconvolution", gradients.deconvolution, source="zeiler2014visualizing")
register_method("deep_lift", gradients.deep_lift, source="shrikumar2017learning")
register_method("gradient_shap", gradients.gradient_shap, source="lundberg2017unified")
register_method("guided_gradcam", gradients.guided_gradcam, source="selvaraju2017gradcam")
register_method("gradcam", gradients.gradcam, source="selvaraju2017gradcam")
register_method("occlusion", perturbations.occlusion, source="zeiler2014visualizing")
register_method("feature_ablation", perturbations.feature_ablation, source="kokhlikyan2020captum")
register_method("kernel_shap", perturbations.kernel_shap, source="lundberg2017unified")
register_method("random", controls.random, control=True)
register_method("edges", controls.edges, source="adebayo2018sanity", control=True)
register_method("uniform", controls.uniform, control=True)
