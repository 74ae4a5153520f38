"""The model that a caller means: by its name, by its file, or already loaded."""

from pathlib import Path

from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import load_model
from xaisigns.model.explainable import Explainable, is_explainable

Named = Explainable | Path | str


def loaded(model: Named) -> Explainable:
    """A model as it is; the one of a name or a file as ``load_model`` gives it.

    Raises ModelError as that does, and for anything that does not say how pictures become its images.
    """
    if isinstance(model, Path | str):
        return load_model(model)
    if not is_explainable(model):
        raise ModelError(
            f"the model must say how pictures become its images, and {type(model).__name__} does not: give "
            "xs.Model(network, xs.Preprocessing(input_size, mean, std), class_names), or prepare the images yourself "
            "for xs.attribute and xs.show"
        )
    return model
