import csv
import json

from benchmarks.audit_figures import Audited, read, tables


def audited(name, verdicts, planted=()):
    """A model with the verdicts in the order of rank, and planted classes with how many images theirs turns."""
    told = {
        "name": name,
        "sets_thresholds": int(name[1:]) % 3 == 0,
        "test_accuracy": 0.93,
        "planted": [
            {
                "class_id": id_,
                "success": success,
                "share": 0.1,
                "feature": {"kind": "tint", "colour": "blue", "size": 1},
            }
            for id_, success in planted
        ],
    }
    rows = [
        {"class": str(id_), "verdict": verdict, "difference": f"{1 / (2 + place):.4f}", "seconds": "30.0"}
        for place, (id_, verdict) in enumerate(verdicts)
    ]
    return Audited(told, rows)


NOTHING = [(2, "nothing"), (0, "nothing"), (1, "nothing")]
MODELS = [
    audited("C00", [(1, "unseen"), (0, "nothing"), (2, "nothing")]),
    audited("C01", NOTHING),
    audited("C02", [(2, "suspect"), (0, "nothing"), (1, "nothing")]),
    audited("P01", [(1, "shortcut"), (0, "nothing"), (2, "nothing")], [(1, 0.4)]),
    audited("P02", [(0, "shortcut"), (1, "suspect"), (2, "nothing")], [(1, 0.2)]),
    audited("P04", [(2, "nothing"), (0, "nothing"), (1, "nothing")], [(1, 0.05)]),
    audited("P03", [(2, "nothing"), (0, "nothing"), (1, "nothing")], [(1, 0.5)]),
]


def test_figures_are_of_the_models_that_set_no_threshold():
    lines = tables(MODELS).splitlines()
    cells = {
        line.split(" | ")[0][2:]: [cell.split(" (")[0] for cell in line[2:-2].split(" | ")[1:]] for line in lines[2:10]
    }
    assert list(cells.values()) == [
        ["0 of 1", "1 of 2"],
        ["0 of 1", "1 of 2"],
        ["0 of 1", "2 of 3"],
        ["0 of 1", "1 of 3"],
        ["0 of 1", "0 of 2"],
        ["0 of 1", "1 of 2"],
        ["1 of 1", "0 of 2"],
        ["30", "30"],
    ]


def test_each_planted_class_and_each_clean_model_has_a_row():
    text = tables(MODELS)
    assert "| P02 | 1 | blue tint | 10% | 20.0% | 2 | suspect | 0.3333 |" in text
    assert "| C02 | 93.0% | 2 suspect | 0.50 |" in text
    assert "| C00 | 93.0% | 1 unseen | 0.50 |" in text
    assert "| C01 | 93.0% | none | 0.50 |" in text


def test_an_audit_is_read_from_its_files(tmp_path):
    one = MODELS[4]
    (tmp_path / "told.json").write_text(json.dumps(one.told))
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(one.rows[0]))
        writer.writeheader()
        writer.writerows(one.rows)
    assert read(tmp_path / "told.json", tmp_path / "rows.csv") == one
