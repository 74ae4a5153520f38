"""A device that no machine has: it computes on the CPU, and refuses what a GPU refuses.

Its tensors cannot be mixed with those of the CPU, nor read by NumPy, and what is made without saying where is not
there. So what runs on it makes nothing on the CPU by accident, and gives the CPU's numbers.
"""

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

# A kind that torch knows and nothing here uses; unlike those of GPUs it needs no driver.
PRETENDED = torch.device("lazy", 0)


class _There(torch.Tensor):
    """A tensor on the pretended device, around the one on the CPU that has its numbers."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=PRETENDED,
        )

    def __init__(self, inner):
        self.inner = inner

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})

    def numpy(self, *, force=False):
        if not force:
            raise TypeError("can't convert a tensor of the pretended device to numpy: use .cpu() first")
        return self.inner.detach().numpy(force=True)

    def tolist(self):
        return self.inner.tolist()

    def data_ptr(self):
        return self.inner.data_ptr()

    def __format__(self, spec):
        return format(self.inner, spec)

    def __repr__(self, **_):
        return f"there({self.inner})"


class _Pretending(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})


@contextmanager
def pretending():
    """In here there is the pretended device."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # as torch does for its own tensors of no device
    try:
        with _Pretending():
            yield PRETENDED
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


def _computed(func, args, kwargs):
    name = func.overloadpacket.__name__
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [isinstance(tensor, _There) for tensor in tensors]
    if any(there) and name not in ("_to_copy", "copy_"):
        _refuse_mixture(name, args, kwargs)
    wanted = kwargs.get("device")
    if wanted is not None and torch.device(wanted).type == PRETENDED.type:
        moved, kwargs = True, {**kwargs, "device": torch.device("cpu")}
    else:
        moved = wanted is None and (isinstance(args[0], _There) if name == "copy_" else any(there))
    given = tree_map_only(_There, lambda tensor: tensor.inner, (args, kwargs))
    result = func(*given[0], **given[1])
    if not moved or name == "_local_scalar_dense":
        return result
    return return_and_correct_aliasing(func, args, kwargs, tree_map_only(torch.Tensor, _There, result))


def _refuse_mixture(name, args, kwargs):
    """As CUDA does: single numbers may come from the CPU, and so may indices."""
    index = name.startswith(("index", "_index", "_unsafe_index"))
    for place, arg in enumerate((*args, *kwargs.values())):
        for leaf in tree_leaves(arg):
            here = isinstance(leaf, torch.Tensor) and not isinstance(leaf, _There) and leaf.ndim
            if here and not (index and isinstance(arg, list | tuple)):
                raise RuntimeError(f"{name}: argument {place} is on the CPU, others are on the pretended device")
