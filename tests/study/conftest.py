"""What the tests of studies share with those of metrics."""

from tests.metrics.conftest import images, mask, relevance, target

__all__ = ["images", "mask", "relevance", "target"]
