"""How far a long work is, told to whoever wants to hear it."""

from typing import Protocol


class Progress(Protocol):
    """Hears how far a work is, again and again until it is done.

    ``work`` names it: a key of the texts of "progress" such as "decoding", or a name of its own as methods and
    archives have. ``done`` and ``total`` count its parts; ``total`` is None where nobody knows it. ``figures`` are what
    else the work has to tell, such as the loss of a training.
    """

    def __call__(self, work: str, done: int, total: int | None, /, **figures: float) -> None:
        """Hear of it."""


def silent(work: str, done: int, total: int | None, /, **figures: float) -> None:
    """Progress that nobody hears."""
