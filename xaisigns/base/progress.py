"""How far a long task has come, reported to whoever wants to know."""

from typing import Protocol


class Progress(Protocol):
    """Is called again and again until a task is done.

    ``work`` names it: a key of the texts of "progress" such as "decoding", or a name of its own as methods and
    archives have. ``done`` and ``total`` count its parts; ``total`` is None where nobody knows it. ``figures`` are what
    else the work has to tell, such as the loss of a training.
    """

    def __call__(self, work: str, done: int, total: int | None, /, **figures: float) -> None:
        """Report how far the task has come."""


def silent(work: str, done: int, total: int | None, /, **figures: float) -> None:
    """Progress that is reported to nobody."""
