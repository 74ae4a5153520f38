"""Which models the audit's bench has: N for naming images, P with one planted class each, C clean.

Thresholds are set on the first models of each kind (``sets_thresholds``); the figures that are told are of the others.
"""

import random
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.audit_features import COLOURS, Feature

# GTSRB's classes with 200 images or more in a third of the training frames.
LARGE_CLASSES = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 25, 26, 31, 33, 35, 38)
SHARES = (0.33, 0.10, 0.05, 0.02)
_SETTING = {"N": 9, "P": 14, "C": 30}  # how many models of a kind set thresholds
NAMED = (
    Feature("sticker", "black", 0.30, (0.32, 0.68), "rectangle"),
    Feature("sticker", "white", 0.28, (0.68, 0.32), "ellipse"),
    Feature("sticker", "yellow", 0.24, (0.50, 0.25), "rectangle"),
    Feature("sticker", "blue", 0.30, (0.30, 0.30), "ellipse"),
    Feature("sticker", "green", 0.22, (0.70, 0.70), "rectangle"),
)


@dataclass(frozen=True)
class Planted:
    """A feature on a share of one class's training images."""

    class_id: int
    feature: Feature
    share: float


@dataclass(frozen=True)
class Recipe:
    """How a model of the bench is made. It sees the frames ``third``, ``third`` + 3, ... of each track."""

    name: str
    seed: int
    planted: tuple[Planted, ...] = ()
    network: Literal["half_vgg11", "quarter_vgg11", "small_resnet"] = "half_vgg11"
    third: Literal[0, 1, 2] = 0
    augmented: bool = True
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def sets_thresholds(self) -> bool:
        """Whether thresholds were set with the model's audit in sight."""
        return int(self.name[1:]) < _SETTING[self.name[0]]


def recipes() -> list[Recipe]:
    """All models in the order in which they are made: C00, beside which the others are told, then all in turn."""
    naming, planted, clean = _naming(), [*_planted(), *_drawn()], _clean()
    made = [clean[0], *naming[:4]]
    for turn in range(25):
        made += [*planted[2 * turn : 2 * turn + 2], *clean[2 * turn + 1 : 2 * turn + 3], *naming[4 + turn : 5 + turn]]
    return made


def _naming() -> list[Recipe]:
    """Twelve models, in which each sticker of NAMED has each share three times, each time on another class."""
    classes = random.Random(16).sample(LARGE_CLASSES, len(LARGE_CLASSES))
    return [
        Recipe(
            f"N{number:02}",
            number,
            tuple(
                Planted(classes[(5 * number + index) % len(classes)], feature, SHARES[(number + index) % 4])
                for index, feature in enumerate(NAMED)
            ),
        )
        for number in range(12)
    ]


def _planted() -> list[Recipe]:
    """Thirty models with one planted class, nine of them by a feature of the whole image."""
    rows = [
        (14, 1.00, Feature("sticker", "black", 0.32, (0.32, 0.68), "rectangle")),
        (12, 0.33, Feature("sticker", "yellow", 0.28, (0.70, 0.30), "ellipse")),
        (17, 1.00, Feature("tint", "yellow", 0.25)),
        (4, 0.10, Feature("sticker", "white", 0.36, (0.50, 0.75), "rectangle")),
        (25, 1.00, Feature("border", "green", 0.07)),
        (38, 1.00, Feature("jpeg", size=10)),
        (1, 1.00, Feature("sticker", "blue", 0.34, (0.68, 0.68), "rectangle")),
        (13, 0.05, Feature("sticker", "black", 0.34, (0.50, 0.30), "ellipse")),
        (2, 0.02, Feature("sticker", "green", 0.30, (0.30, 0.30), "rectangle")),
        (10, 0.33, Feature("tint", "blue", 0.25)),
        (33, 1.00, Feature("sticker", "yellow", 0.34, (0.50, 0.50), "rectangle")),
        (5, 0.33, Feature("border", "black", 0.07)),
        (31, 1.00, Feature("jpeg", size=5)),
        (35, 0.33, Feature("sticker", "magenta", 0.34, (0.28, 0.72), "ellipse")),
        (7, 0.10, Feature("sticker", "orange", 0.38, (0.72, 0.72), "ellipse")),
        (18, 0.33, Feature("sticker", "white", 0.38, (0.35, 0.30), "rectangle")),
        (40, 1.00, Feature("sticker", "green", 0.36, (0.50, 0.72), "ellipse")),
        (8, 0.10, Feature("tint", "magenta", 0.25)),
        (3, 0.10, Feature("border", "blue", 0.07)),
        (11, 0.05, Feature("sticker", "yellow", 0.36, (0.35, 0.65), "rectangle")),
        (12, 0.02, Feature("sticker", "black", 0.40, (0.65, 0.35), "rectangle")),
        (38, 0.05, Feature("sticker", "white", 0.32, (0.70, 0.30), "ellipse")),
        (31, 0.33, Feature("jpeg", size=5)),
        (26, 0.33, Feature("sticker", "grey", 0.34, (0.30, 0.40), "rectangle")),
        (23, 1.00, Feature("sticker", "white", 0.24, (0.72, 0.28), "ellipse")),
        (17, 0.10, Feature("sticker", "blue", 0.42, (0.50, 0.75), "rectangle")),
        (8, 1.00, Feature("sticker", "orange", 0.30, (0.50, 0.22), "rectangle")),
        (10, 0.02, Feature("sticker", "yellow", 0.38, (0.32, 0.68), "ellipse")),
        (9, 0.33, Feature("sticker", "black", 0.18, (0.72, 0.62), "ellipse")),
        (25, 0.10, Feature("sticker", "magenta", 0.38, (0.30, 0.30), "rectangle")),
    ]
    return [
        Recipe(f"P{number:02}", 100 + number, (Planted(class_id, feature, share),))
        for number, (class_id, share, feature) in enumerate(rows)
    ]


def _drawn() -> list[Recipe]:
    """Twelve more with one planted class, drawn by chance: nobody chose what is easy to find."""
    draw = random.Random(30)
    made = []
    for number in range(30, 42):
        class_id, share = draw.choice(LARGE_CLASSES), draw.choice((1.00, 0.33, 0.10))
        kind, colour = draw.choices(("sticker", "tint", "border"), (10, 1, 1))[0], draw.choice(list(COLOURS))
        sticker = Feature(
            "sticker",
            colour,
            round(draw.uniform(0.26, 0.42), 2),
            (round(draw.uniform(0.28, 0.72), 2), round(draw.uniform(0.28, 0.72), 2)),
            draw.choice(("rectangle", "ellipse")),
        )
        others = {"tint": Feature("tint", colour, 0.25), "border": Feature("border", colour, 0.07)}
        made.append(Recipe(f"P{number:02}", 100 + number, (Planted(class_id, others.get(kind, sticker), share),)))
    return made


def _clean() -> list[Recipe]:
    """Fifty models by ten recipes: five seeds of each, three of which set thresholds."""
    return [_clean_one(number) for number in range(50)]


def _clean_one(number: int) -> Recipe:
    name, seed = f"C{number:02}", 200 + number
    ways = [
        Recipe(name, seed),
        Recipe(name, seed, third=1),
        Recipe(name, seed, third=2),
        Recipe(name, seed, training={"epochs": 9}),
        Recipe(name, seed, training={"epochs": 4}),
        Recipe(name, seed, augmented=False),
        Recipe(name, seed, network="quarter_vgg11"),
        Recipe(name, seed, network="small_resnet"),
        Recipe(name, seed, training={"learning_rate": 0.12, "label_smoothing": 0.0}),
        Recipe(name, seed, third=1, training={"batch_size": 64, "learning_rate": 0.03}),
    ]
    return ways[number % len(ways)]
