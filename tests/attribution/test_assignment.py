"""Rules layer by layer: names over indices over types over the composite; the same from a TOML file."""

import pytest
from torch import nn

import xaisigns as xs
from tests.fuzzing import outcomes
from xaisigns.attribution.assignment import assign, gates_joined, read_rules, rule_table, write_rules
from xaisigns.attribution.named_rules import rule_defaults
from xaisigns.errors import OutputError, RuleError


@pytest.fixture
def network():
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU()),
        nn.Flatten(),
        nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)),
    )


def chosen(network, rules, composite="epsilon_plus_flat"):
    return {row.layer: (row.rule.name, row.source) for row in assign(xs.canonize(network), composite, rules)}


def test_the_composite_alone(network):
    assert chosen(network, None) == {
        "0.0": ("flat", "composite"),
        "0.1": ("pass", "composite"),
        "0.2": ("z_plus", "composite"),
        "0.3": ("pass", "composite"),
        "1": ("gradient", "composite"),
        "2.0": ("epsilon", "composite"),
        "2.1": ("pass", "composite"),
        "2.2": ("epsilon", "composite"),
    }


def test_name_wins_over_index_over_type_over_composite(network):
    rules = {nn.Conv2d: "alpha_beta", nn.Linear: "z_plus", 1: "w_square", -1: "norm", "2.2": "gamma", "0.*": "epsilon"}
    table = chosen(network, rules)
    assert table["0.0"] == ("epsilon", "name")
    assert table["0.2"] == ("epsilon", "name")
    assert table["2.0"] == ("z_plus", "type")
    assert table["2.2"] == ("gamma", "name")
    del rules["0.*"], rules["2.2"]
    table = chosen(network, rules)
    assert table["0.0"] == ("alpha_beta", "type")
    assert table["0.2"] == ("w_square", "index")
    assert table["2.2"] == ("norm", "index")


def test_an_exact_name_wins_over_wildcards_and_the_first_wildcard_over_the_next(network):
    table = chosen(network, {"0.?": "gamma", "*": "epsilon", "0.2": "z_plus"})
    assert [table[name][0] for name in ("0.0", "0.2", "2.0")] == ["gamma", "z_plus", "epsilon"]


def test_a_file_says_the_same(network, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(
        '[name]\n"2.2" = "gamma"\n"0.*" = {rule = "gamma", gamma = 0.1}\n'
        '[index]\n-1 = "norm"\n2 = "z_plus"\n[type]\nConv2d = "alpha_beta"\n'
    )
    assert read_rules(path) == {
        "2.2": xs.Rule("gamma"),
        "0.*": xs.Rule("gamma", {"gamma": 0.1}),
        -1: xs.Rule("norm"),
        2: xs.Rule("z_plus"),
        nn.Conv2d: xs.Rule("alpha_beta"),
    }


def test_written_rules_are_read_again(tmp_path):
    rules = {
        "features.0": xs.Rule("z_box"),
        'odd "name" \\ ä': xs.Rule("epsilon", {"epsilon": 1e-6}),
        "classifier.0": xs.Rule("alpha_beta", {"alpha": 2, "beta": 1.0}),
    }
    write_rules(tmp_path / "new" / "rules.toml", rules, "First line\nand a second")
    assert read_rules(tmp_path / "new" / "rules.toml") == rules
    text = (tmp_path / "new" / "rules.toml").read_text(encoding="utf-8")
    assert text.startswith("# Rules of LRP, written by xaisigns.\n# First line\n# and a second\n[name]\n")


def test_rules_that_cannot_be_written_are_told(tmp_path):
    with pytest.raises(OutputError, match="it is a folder; name a file instead"):
        write_rules(tmp_path, {}, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[name", "cannot be read as a TOML file"),
        ('[layers]\na = "epsilon"', r"no table 'layers' is known; there are \[name\], \[index\] and \[type\]"),
        ('name = "epsilon"', "no table 'name' is known"),
        ('[type]\nLSTM = "epsilon"', "no type 'LSTM'; there are Conv1d, Conv2d, Conv3d"),
        ('[index]\nfirst = "epsilon"', "index 'first' is not a whole number"),
        ("[name]\na = 3", "a rule is wanted, such as"),
        ("[name]\na = {gamma = 0.1}", "a rule is wanted, such as"),
        ('[name]\na = "delta"', "no rule 'delta'; there are epsilon"),
        ('[name]\na = {rule = "gamma", beta = 1}', "rule 'gamma' has no parameter 'beta'; it has gamma, stabilizer"),
        ('[name]\na = {rule = "gamma", gamma = "high"}', "parameter 'gamma' of rule 'gamma' must be a number"),
        ('[name]\na = {rule = "gamma", gamma = nan}', "must be a number from 0 to 1e.12, got nan"),
        (f'[name]\na = {{rule = "gamma", gamma = {"9" * 400}}}', "must be a number from 0 to 1e.12, got 999"),
        (f'[name]\na = {{rule = "gamma", gamma = {"9" * 5000}}}', "cannot be read as a TOML file of rules: Exceeds"),
        (f"[name]\n{'a.' * 50_000}a = 1", "rules.toml(: | cannot be read)"),
        (f"[name]\na = {'[' * 5000}{']' * 5000}", "it is nested too deeply"),
        ('[index]\n1 = "epsilon"\n01 = "gamma"', "index '01' comes twice"),
        ('[index]\n"\u0661" = "epsilon"', "index '\u0661' is not a whole number"),
        ('[index]\n1_0 = "epsilon"', "index '1_0' is not a whole number"),
        (f"# {'x' * 1_000_000}", "wanted a file of 1 to 1000000 bytes"),
        ("", "wanted a file of 1 to 1000000 bytes"),
    ],
)
def test_a_file_that_says_anything_else_is_refused(text, message, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(RuleError, match=message) as raised:
        read_rules(path)
    assert str(path) in str(raised.value)


SCRAPS = ["", "=", "{", "]", '"', ".", "*", "\n", "\0", "nan", "-1", "9" * 400, "[[name]]", "[type]\n", "'''", "\u2028"]
WHOLE = """
[name]
"2.2" = "gamma"
"0.*" = {rule = "gamma", gamma = 0.1}
"0.2" = {rule = "alpha_beta", alpha = 2, beta = 1}
[index]
-1 = "norm"
2 = "z_plus"
[type]
Conv2d = "alpha_beta"
"""


def altered(text, drawn):
    """The text with pieces of it taken out, doubled or moved, or something else in their place."""
    for _ in range(drawn.randint(1, 2)):
        start, size = drawn.randrange(len(text) + 1), drawn.choice([0, 1, 8, 40])
        piece = drawn.choice([drawn.choice(SCRAPS), text[drawn.randrange(len(text) + 1) :][:size]])
        text = text[:start] + piece + text[start + size :]
    return text


def test_a_damaged_file_is_read_or_refused(network, tmp_path):
    path, canonized = tmp_path / "rules.toml", xs.canonize(network)

    def one(drawn):
        path.write_text(altered(WHOLE, drawn), encoding="utf-8")
        try:
            assign(canonized, "epsilon_plus", read_rules(path))
        except RuleError as error:
            return "refused in one line" if "\n" not in str(error) else "in several"
        return "read"

    counts = outcomes(150, "rules", one)
    assert set(counts) == {"read", "refused in one line"}
    assert min(counts.values()) > counts.total() / 20


def test_names_of_any_letters_come_back_and_a_byte_order_mark_does_no_harm(tmp_path):
    path, rules = tmp_path / "rules.toml", {"straße.🛑": xs.Rule("epsilon"), 'a"\\\x7f\n': xs.Rule("flat")}
    write_rules(path, rules, "none")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_rules(path) == rules


@pytest.mark.parametrize("key", [True, 1.5, None, ("0", "1"), nn.ReLU()])
def test_a_key_that_names_no_layer_is_refused(key, network):
    with pytest.raises(RuleError, match="rules are for a layer's name, index or type, got"):
        assign(xs.canonize(network), "epsilon", {key: "epsilon"})


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RuleError, match="cannot be read"):
        read_rules(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"0.9": "epsilon"}, "no layer '0.9'; there are 0.0, 0.1"),
        ({"9.*": "epsilon"}, r"no layer '9\.\*'"),
        ({4: "epsilon"}, "no layer with index 4: the convolution and linear layers are 0 to 3, or -4 to -1"),
        ({-5: "epsilon"}, "no layer with index -5"),
        ({nn.MaxPool2d: "gradient"}, "no layer of type MaxPool2d; there are Conv2d, Flatten, Linear, ReLU"),
    ],
)
def test_what_the_network_does_not_have_is_refused(rules, message, network):
    with pytest.raises(RuleError, match=message):
        assign(xs.canonize(network), "epsilon", rules)


def test_alpha_and_beta_have_to_fit():
    with pytest.raises(RuleError, match="alpha - beta must be 1, got 2 and"):
        xs.LRP(
            nn.Sequential(nn.Flatten(), nn.Linear(3, 2)),
            "epsilon",
            {0: xs.Rule("alpha_beta", {"alpha": 2, "beta": 0.5})},
        )


def test_settings_are_parameters_and_defaults():
    settings = xs.Rule("alpha_beta", {"stabilizer": 0.1}).settings
    assert settings == {"alpha": 2.0, "beta": 1.0, "stabilizer": 0.1, "bias": "absorb"}
    assert {name: rule_defaults(name) for name in ("pass", "gradient", "z_box")} == {
        "pass": {},
        "gradient": {},
        "z_box": {"stabilizer": 1e-6},
    }


def test_a_composites_parameter_is_set_in_every_row_that_has_it(network):
    table = {row.layer: row.rule for row in assign(xs.canonize(network), "epsilon-gamma-box:gamma=0.1:stabilizer=0.01")}
    assert table["0.0"] == xs.Rule("z_box", {"stabilizer": 0.01})
    assert table["0.2"] == xs.Rule("gamma", {"gamma": 0.1, "stabilizer": 0.01})
    assert table["2.0"] == xs.Rule("epsilon")
    assert chosen(network, None, "epsilon_gamma_box")["0.0"] == ("z_box", "composite")
    lrp = xs.LRP(network, "epsilon-gamma-box:gamma=0.1", rules={"0.0": "flat"})
    assert lrp.composite == "epsilon_gamma_box:gamma=0.1"
    assert {row.rule.settings.get("gamma") for row in lrp.assignments} == {None, 0.1}


@pytest.mark.parametrize(
    ("composite", "message"),
    [
        ("epsilon_plus:gamma=1", "composite 'epsilon_plus' has no parameter 'gamma'; it has bias, epsilon, stabilizer"),
        ("epsilon_plus:epsilon=much", "epsilon must be a number, got 'much'"),
        ("epsilon_plus:contrast", "no composite 'epsilon_plus:contrast'; there are epsilon, "),
        ("epsilon_plus:0.1", "no composite 'epsilon_plus:0.1'"),
    ],
)
def test_what_a_composite_does_not_have_is_refused(composite, message, network):
    with pytest.raises(RuleError, match=message):
        assign(xs.canonize(network), composite)


class Excited(nn.Module):
    """A convolution with squeeze-and-excitation, which two layers in one module compute, and one layer outside."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)
        self.gate = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Sigmoid())

    def forward(self, x):
        x = self.conv(x)
        return self.head((x * self.gate(x.mean((2, 3), keepdim=True))).mean((2, 3)))


def test_layers_that_only_feed_gates_are_one_row_to_be_read():
    copy = xs.canonize(Excited())
    rows = rule_table(copy, assign(copy, "epsilon_plus"))
    assert [row["layer"] for row in rows if row["source"] == "gate"] == ["mean", "gate.0", "gate.1", "gate.2"]
    joined = gates_joined(rows)
    assert [row["layer"] for row in joined] == ["conv", "mean … gate.2", "mul", "mean_1", "head"]
    assert joined[1] == {
        "layer": "mean … gate.2",
        "type": "Mean, Conv2d, ReLU, Sigmoid",
        "rule": "",
        "parameters": {},
        "source": "gate",
        "change": None,
    }
    assert gates_joined(rows[2:])[0]["layer"] == "gate.0 … 2"
    assert gates_joined(rows[3:4])[0]["layer"] == "gate.1"


def test_a_rule_of_ones_own_wins_over_the_gates():
    copy = xs.canonize(Excited())
    table = {row.layer: row for row in assign(copy, "epsilon_plus", {"gate.0": "epsilon"})}
    assert (table["gate.0"].rule.name, table["gate.0"].source) == ("epsilon", "name")
    assert table["gate.1"].source == "gate"
