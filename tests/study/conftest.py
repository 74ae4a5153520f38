"""What the tests of studies share with those of metrics and of the command line."""

from tests.cli.conftest import few_rules
from tests.metrics.conftest import images, mask, relevance, target

__all__ = ["few_rules", "images", "mask", "relevance", "target"]
