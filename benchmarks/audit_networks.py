"""The networks of the audit's bench, small enough to be trained by the dozen on two cores, for images of 32 pixels.

Their model files name them, so they are loaded in the repository's root:
``xs.load_model(path, architecture="benchmarks.audit_networks:half_vgg11")``.
"""

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

# VGG11's convolutions between one maximum and the next, and their channels, as torchvision has them.
_STAGES = ((64,), (128,), (256, 256), (512, 512), (512, 512))


class NarrowVGG(nn.Module):
    """VGG11 with BatchNorm, its channels divided, with global average pooling and one linear layer."""

    def __init__(self, divisor: int, num_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage in _STAGES:
            for width in (wide // divisor for wide in stage):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Linear(channels, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, classes)`` of normalised images ``(N, 3, H, W)``."""
        logits: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return logits


def half_vgg11(num_classes: int) -> nn.Module:
    """VGG11 with half as many channels: 32, 64, 128, 128, 256, 256, 256, 256."""
    return NarrowVGG(2, num_classes)


def quarter_vgg11(num_classes: int) -> nn.Module:
    """VGG11 with a quarter of the channels."""
    return NarrowVGG(4, num_classes)


def small_resnet(num_classes: int) -> ResNet:
    """ResNet-10: a block in each stage, its first convolution for small images."""
    network = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=num_classes)
    network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    return network
