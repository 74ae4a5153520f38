"""VGG as torchvision has it, with a head for small images."""

from typing import Any

import torch
from torch import Tensor, nn

from xaisigns.model.classifier import Classifier, NetworkSettings

# Convolutions between one maximum and the next, and how many channels they give.
_CONVOLUTIONS = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)


class VGG(Classifier):
    """A VGG; its layers have torchvision's names (``features.0``, ``classifier.0``)."""

    def __init__(self, settings: NetworkSettings, card: dict[str, Any] | None = None) -> None:
        super().__init__(settings, card)
        self.features = _features(settings.architecture)
        self.avgpool = nn.AdaptiveAvgPool2d(1 if settings.head == "compact" else 7)
        self.classifier = _compact_head(settings) if settings.head == "compact" else _torchvision_head(settings)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, classes)`` of normalised images ``(N, 3, H, W)``."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return logits


def initialise(network: VGG) -> None:
    """Draw new weights from the global generator as torchvision does for VGG."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)


def _features(architecture: str) -> nn.Sequential:
    depth, _, suffix = architecture.partition("_")
    layers: list[nn.Module] = []
    channels = 3
    for count, width in zip(_CONVOLUTIONS[depth], _WIDTHS, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
            layers += [nn.BatchNorm2d(width)] if suffix else []
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _compact_head(settings: NetworkSettings) -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, settings.classes))


def _torchvision_head(settings: NetworkSettings) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(512 * 7 * 7, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, settings.classes),
    )
