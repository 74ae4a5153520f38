"""Where the relevance of one image went, layer by layer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch

from xaisigns.base.numbers import number
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.drawn.examples import example_signs
from xaisigns.model.explainable import batch_for
from xaisigns.pictures.explanation import absorbing, ledger_rows
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report
from xaisigns.report.section import Section

if TYPE_CHECKING:
    from xaisigns.report.collection import Source


@dataclass(frozen=True)
class LedgerRow:
    """What a layer received of one image's relevance, and what became of it, in units of the target logit."""

    layer: str
    type: str
    rule: str
    received: float
    passed: float
    bias: float
    stabilizer: float


@dataclass(frozen=True)
class Conservation(Section):
    """The ledger of one image from the output on; ``ledger_of`` says in words of which image."""

    order = 60
    level = 2

    ledger: tuple[LedgerRow, ...]
    ledger_of: str = ""

    @classmethod
    def collect(cls, source: "Source") -> Self | None:
        """Of an example sign, or of the first of one's own images; None without LRP."""
        if source.lrp is None:
            return None
        model, data = source.study.model, source.study.data
        if not data.has_gtsrb_classes:
            name, image = data.samples[0].path.name, data[0].image
        else:
            name, image = "speed-50-sticker.png", example_signs()["speed-50-sticker"]
        x = batch_for(model, [image])
        with own_torch_state(), torch.no_grad():
            called = int(model.module(x).argmax())
        ledger = source.lrp.ledger(x, called)
        return cls(tuple(LedgerRow(**row) for row in ledger_rows(ledger, 0)), f"{name}, {source.names[called]}")

    def tell(self, report: Report) -> dict[str, Any]:
        """The rows of the table: the layers that did not pass on all, the first and the last."""
        language = report.language
        shown = absorbing([row.received for row in self.ledger], [row.passed for row in self.ledger])
        rows = [
            {
                "layer": plain(row.layer),
                "type": plain(row.type),
                "rule": plain(row.rule),
                "received": number(row.received, language),
                "passed": number(row.passed, language),
                "bias": number(row.bias, language),
                "stabilizer": number(row.stabilizer, language),
            }
            for row in (self.ledger[place] for place in shown)
        ]
        return {"ledger": rows, "ledger_of": plain(self.ledger_of)}
