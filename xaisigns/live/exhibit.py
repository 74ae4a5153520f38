"""What is on show: the models, the pictures to choose from and what was found about them; the same for all visitors."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from PIL import Image

from xaisigns.attribution.agreement import faithful_copy
from xaisigns.attribution.layers import WEIGHTED
from xaisigns.attribution.network import leaves
from xaisigns.audit.findings import Findings
from xaisigns.base.language import Language
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.errors import DataError
from xaisigns.live.album import Album
from xaisigns.live.answering import Answering
from xaisigns.live.messages import DrawnPicture, StoredPicture
from xaisigns.model.explainable import Explainable
from xaisigns.pictures.models import by_name

_SIDE = 128  # pixels of a drawn sign, as of the package's examples


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One model, or several by their names, and what to try on them.

    ``options`` are the words of the command line that name the models. ``patches`` are what the ``findings`` tell to
    have been carried into other images. By its random ``mark`` a page knows it from another at the same address.
    """

    model: Explainable | Mapping[str, Explainable]
    options: Sequence[str]
    language: Language
    album: Album | None = None
    findings: Findings | None = None
    patches: Sequence[Image.Image] = field(init=False)
    mark: str = field(init=False, default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        found = self.findings.found if self.findings else ()
        patches = [
            Image.fromarray(one.patch(patch)) for one in found if one.transplant for patch in one.transplant.patches
        ]
        object.__setattr__(self, "patches", patches)

    @cached_property
    def answering(self) -> Answering:
        """The models, ready to be asked; for one thread."""
        return Answering(by_name(self.model))

    @cached_property
    def layers(self) -> list[str]:
        """Names of the convolutions and linear layers that all models have, in the order of the first."""
        named = [
            [name for name, layer in leaves(faithful_copy(model.module)[0]).items() if isinstance(layer, WEIGHTED)]
            for model in by_name(self.model).values()
        ]
        return [name for name in named[0] if all(name in others for others in named[1:])]

    def picture(self, asked: DrawnPicture | StoredPicture) -> Image.Image:
        """The RGB picture. Raises DataError for one that there is not."""
        if isinstance(asked, DrawnPicture):
            return _drawn(asked.class_id, asked.seed)
        if self.album is None:
            raise DataError("there is no data set to choose from: name its folder with --data")
        return self.album.picture(asked.class_id, asked.place)


@lru_cache(maxsize=64)
def _drawn(class_id: int, seed: int) -> Image.Image:
    return draw_sign(class_id, _SIDE, seed).image
