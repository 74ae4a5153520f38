"""The ledger in words."""

from tests.report.contents import small_report, told
from xaisigns.report.sections.conservation import Conservation, LedgerRow


def test_every_layer_has_what_it_received_and_what_became_of_it():
    shown = told(Conservation, small_report())
    assert shown["ledger_of"] == "Das Bild: 0."
    assert shown["ledger"][0] == {
        "layer": "classifier.0",
        "type": "Linear",
        "rule": "epsilon",
        "received": "5,65",
        "passed": "5,00",
        "bias": "0,600",
        "stabilizer": "0,0500",
    }


def test_layers_that_passed_on_all_are_left_out_but_for_the_first_and_last():
    """A network has hundreds of layers, most of them activations and the like."""
    names = ("head", "gate", "relu", "conv", "norm", "input")
    received, passed = (5.0, 0.0, 5.0, 5.0, 4.0, 4.0), (5.0, 0.0, 5.0, 4.0, 4.0 - 1e-6, 4.0)
    ledger = tuple(
        LedgerRow(name, "Linear", "epsilon", came, went, came - went, 0.0)
        for name, came, went in zip(names, received, passed, strict=True)
    )
    shown = told(Conservation, small_report(ledger=ledger))
    assert [row["layer"] for row in shown["ledger"]] == ["head", "conv", "input"]
