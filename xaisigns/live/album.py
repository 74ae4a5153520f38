"""The images of a data set as a page leafs through them: by class, those that went wrong first."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from PIL import Image

from xaisigns.base.bounds import shown
from xaisigns.base.progress import Progress, silent
from xaisigns.data.image_set import ImageSet
from xaisigns.data.preprocessing import rgb
from xaisigns.errors import DataError
from xaisigns.live.composing import LONGEST
from xaisigns.model.explainable import Explainable
from xaisigns.study.study import Study


class Album:
    """A data set's images by class and place; the first ``wrong`` of each class are what the model calls another.

    ``called`` has the class that the model calls each image of the data set.
    """

    def __init__(self, data: ImageSet, called: Sequence[int]) -> None:
        self._data = data
        self._places: dict[int, list[int]] = defaultdict(list)
        self._wrong: dict[int, int] = defaultdict(int)
        for index in sorted(range(len(data)), key=lambda index: called[index] == data.samples[index].class_id):
            class_id = data.samples[index].class_id
            self._places[class_id].append(index)
            self._wrong[class_id] += called[index] != class_id

    def picture(self, class_id: int, place: int) -> Image.Image:
        """The RGB image, of at most LONGEST pixels on a side.

        Raises DataError for a class or a place that there is none of, and for a broken image.
        """
        places = self._places.get(class_id, [])
        if place >= len(places):
            raise DataError(f"the data set has {len(places)} images of class {class_id}, and no {shown(place)}")
        return rgb(self._data.samples[places[place]].path, longest=LONGEST)

    def classes(self) -> list[dict[str, Any]]:
        """Of each class that has images: its id, how many it has, and how many of these come first as wrong."""
        return [
            {"id": class_id, "count": len(self._places[class_id]), "wrong": self._wrong[class_id]}
            for class_id in sorted(self._places)
        ]


def album_of(model: Explainable, data: ImageSet, progress: Progress = silent) -> Album:
    """The album of a data set, by what the model calls its images. Raises as ``Study`` does."""
    return Album(data, Study(model, data, progress).logits.argmax(dim=1).tolist())
