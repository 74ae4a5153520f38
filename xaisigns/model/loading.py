"""The model that a caller means: by its name, by its file, or already loaded."""

from pathlib import Path

import torch

from xaisigns.base.devices import chosen_device
from xaisigns.errors import DeviceError, ModelError
from xaisigns.model.checkpoint import load_model
from xaisigns.model.explainable import Explainable, is_explainable

Named = Explainable | Path | str


def loaded(model: Named, device: str | torch.device | None = None) -> Explainable:
    """A model as it is, where it is; that of a name or a file on the ``device``, without one on the fastest there is.

    Raises what ``load_model`` does, ModelError for anything that does not say how pictures become its images, and
    DeviceError for a model that is loaded already, and on another device.
    """
    if isinstance(model, Path | str):
        return load_model(model, device="auto" if device is None else device)
    if not is_explainable(model):
        raise ModelError(
            f"the model must say how pictures become its images, and {type(model).__name__} does not: give "
            "xs.Model(network, xs.Preprocessing(input_size, mean, std), class_names), or prepare the images yourself "
            "for xs.attribute and xs.show"
        )
    if device is not None and chosen_device(device) != model.device:
        raise DeviceError(
            f"the model is loaded already, on {model.device}, and wanted on {device}: leave out device, or move it"
        )
    return model
