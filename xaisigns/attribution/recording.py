"""What a module does with its images, recorded by torch.fx on a twin of it.

torch.fx alone patches nn.Module for the whole process while it traces; here the twin's own classes are told apart
instead, so that neither the caller's module nor another thread notices.
"""

import operator
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from xaisigns.attribution.sizes import condition
from xaisigns.errors import RuleError
from xaisigns.model.architectures import TRANSFORMERS

# Containers of torch's that run what is in them; all its other modules are layers.
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}
_OWN_CODE = (str(Path(torch.__file__).parent), str(Path(__file__).parent))


class Record(NamedTuple):
    """A module's graph: its calls of layers (``call_module``, by a name of each call), functions and methods.

    ``layers`` are the caller's, by the name of the call; ``constants`` the tensors that ``get_attr`` names. With
    ``has_conditions`` the graph may be another for images of another size.
    ``place_of`` tells a node as an error does.
    """

    graph: fx.Graph
    layers: dict[str, nn.Module]
    constants: dict[str, Tensor]
    has_conditions: bool


def record(module: nn.Module) -> Record:
    """Run a module in eval mode on symbols. Raises RuleError, naming the place, for what cannot be recorded."""
    recorder = _Recorder()
    recorder.root = recorder.twin(module)
    try:
        with torch.no_grad():
            images = recorder.create_proxy("placeholder", "images", (), {})
            output = recorder.run(recorder.root, (images,), {})
            recorder.create_node("output", "output", (recorder.create_arg(output),), {})
    except RuleError:
        raise
    except Exception as error:
        raise RuleError(recorder.told(error)) from error
    return Record(recorder.graph, recorder.called, recorder.constants, recorder.has_conditions)


def place_of(node: fx.Node) -> str:
    """A node as an error tells it: what is called, in which module, in which line of the caller's file."""
    called = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    place, line = node.meta.get("place", ""), node.meta.get("line", "")
    return f"{called!r}" + (f" in {place!r}" if place else "") + (f" ({line})" if line else "")


def kind_of(layer: nn.Module) -> type[nn.Module]:
    """The type that a layer was written as, whatever parametrizations made of it."""
    kind: type[nn.Module] = torch.nn.utils.parametrize.type_before_parametrizations(layer)
    return kind


def layer_kind(layer: nn.Module) -> type[nn.Module] | None:
    """The layer of torch that a module is, or computes as; None for one that has a forward of its own."""
    own = kind_of(layer)
    homes = [kind for kind in own.__mro__ if kind.__module__.startswith("torch.nn.") and issubclass(kind, nn.Module)]
    kind = homes[0]
    is_layer = kind is not nn.Module and not issubclass(kind, _CONTAINERS)
    return kind if is_layer and _computes_as(own, kind) else None


def _computes_as(own: type[nn.Module], kind: type[nn.Module]) -> bool:
    """Whether a subclass leaves the computing to its base."""
    return all(getattr(own, name, None) is getattr(kind, name, None) for name in ("forward", "_conv_forward"))


class _Value(fx.Proxy):
    """A value on its way; torch.fx alone would take ``x += y`` for ``x + y``, which leaves x as it was."""

    def __iadd__(self, other: Any) -> fx.Proxy:
        return self._changed(operator.iadd, other)

    def __isub__(self, other: Any) -> fx.Proxy:
        return self._changed(operator.isub, other)

    def __imul__(self, other: Any) -> fx.Proxy:
        return self._changed(operator.imul, other)

    def __itruediv__(self, other: Any) -> fx.Proxy:
        return self._changed(operator.itruediv, other)

    def _changed(self, change: Callable[[Any, Any], Any], other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", change, (self, other), {})


class _Recorder(fx.Tracer):
    """Makes a twin of a module, and a node of each call in it."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = fx.Graph(tracer_cls=fx.Tracer)
        self.tensor_attrs = {}
        self.called: dict[str, nn.Module] = {}
        self.constants: dict[str, Tensor] = {}
        self.has_conditions = False
        self._originals: dict[int, tuple[str, nn.Module]] = {}
        self._stack: list[tuple[str, nn.Module]] = []
        self._failed: tuple[str, nn.Module] | None = None  # the innermost module
        self._names: Counter[str] = Counter()
        self._kinds: dict[type[nn.Module], type[nn.Module]] = {}

    def twin(self, module: nn.Module, name: str = "", above: tuple[nn.Module, ...] = ()) -> nn.Module:
        """The same attributes and parameters in eval mode, without hooks; its calls are noted."""
        self._refuse(module, name)
        if any(module is one for one in above):
            raise RuleError(f"{_called(name, module)} contains itself: such a module cannot be explained")
        twin: nn.Module = object.__new__(self._kind(type(module)))
        vars(twin).update(vars(module), training=False, _parameters=dict(module._parameters))
        twin._buffers = {
            key: None if value is None else value.detach().clone() for key, value in module._buffers.items()
        }
        twin._modules = {
            key: None if part is None else self.twin(part, f"{name}.{key}" if name else key, (*above, module))
            for key, part in module._modules.items()
        }
        self._originals[id(twin)] = name, module
        return twin

    def run(self, twin: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call of a twin: a node for a layer, else what is in it."""
        name, module = self._originals[id(twin)]
        if layer_kind(module) is not None:
            if not any(isinstance(arg, fx.Proxy) for arg in (*args, *kwargs.values())):
                raise RuleError(f"layer {_called(name, module)} is given no values of the images: it is a constant")
            target = self.name(name or "0")
            self.called[target] = module
            return self.create_proxy("call_module", target, args, kwargs)
        self._stack.append((name, module))
        try:
            result = twin.forward(*args, **kwargs)
        except Exception:
            self._failed = self._failed or (name, module)
            raise
        else:
            self._failed = None  # what failed inside, somebody there has caught
            return result
        finally:
            self._stack.pop()

    def name(self, wanted: str) -> str:
        """A name for a call: the wanted one, with a number from its second use on."""
        self._names[wanted] += 1
        count = self._names[wanted]
        return wanted if count == 1 else self.name(f"{wanted}_{count - 1}")

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        node.meta["place"] = self._stack[-1][0] if self._stack else ""
        node.meta["line"] = _line()
        return node

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Value(node, self)

    def to_bool(self, obj: fx.Proxy) -> bool:
        """A condition on sizes is as it is for images of a usual size: others are compared when they come."""
        known = condition(obj.node, self.called, self.constants)
        if known is None:
            return super().to_bool(obj)
        self.has_conditions = True
        return known

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, Tensor):
            name = f"constant_{len(self.constants)}"
            self.constants[name] = a.detach()
            return self.create_node("get_attr", name, (), {})
        return super().create_arg(a)

    def told(self, error: Exception) -> str:
        """Why a module cannot be recorded, and where."""
        name, module = self._failed or ("", self.root)
        lines = str(error).strip().splitlines() or [type(error).__name__]
        line = _failed_line(error.__traceback__)
        where = f" ({line})" if line else ""
        return (
            f"{_called(name, module)} cannot be taken apart into layers{where}: {lines[0][:200]}; what its forward "
            "does must not depend on the values of images: write it without such conditions and loops"
        )

    def _kind(self, kind: type[nn.Module]) -> type[nn.Module]:
        """A subclass whose calls come here."""
        if kind not in self._kinds:

            def call(twin: nn.Module, *args: Any, **kwargs: Any) -> Any:
                return self.run(twin, args, kwargs)

            self._kinds[kind] = type(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__})
        return self._kinds[kind]

    def _refuse(self, module: nn.Module, name: str) -> None:
        reason = _no_plain_module(module)
        if reason:
            raise RuleError(f"LRP cannot take {_called(name, module)}: {reason}")


def _called(name: str, module: nn.Module) -> str:
    kind = kind_of(module).__name__
    return f"layer {name!r} of type {kind}" if name else f"a module of type {kind}"


def _no_plain_module(module: nn.Module) -> str | None:
    """Why a module is not what its class says, or nothing that could be recorded."""
    wrapped = _WRAPPERS.get(type(module).__name__)
    if wrapped and hasattr(module, wrapped):
        return f"it wraps a network; explain that, its attribute {wrapped}"
    if isinstance(module, torch.jit.ScriptModule):
        return (
            "it is traced or scripted, and keeps no layers that rules could be for; explain the module it was made of"
        )
    if "forward" in vars(module):
        return "its forward was set on the instance; write a subclass's forward, or take it off with del module.forward"
    if type(module).__call__ is not nn.Module.__call__:
        return "its class has a __call__ of its own"
    home = type(module).__module__
    transformer = home.startswith("torchvision.models.") and home.rpartition(".")[2] in (
        "vision_transformer",
        "swin_transformer",
        "maxvit",
    )
    if transformer or isinstance(module, nn.MultiheadAttention | nn.Transformer):
        return TRANSFORMERS
    return None


def _line() -> str:
    """File and line of the caller's code that is being recorded."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OWN_CODE):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return ""
    return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"


def _failed_line(trace: TracebackType | None) -> str:
    found = [frame for frame in traceback.extract_tb(trace) if not frame.filename.startswith(_OWN_CODE)]
    return f"{Path(found[-1].filename).name}, line {found[-1].lineno}" if found else ""
