import json

import numpy as np
import pytest

from benchmarks.audit_tables import Row, naming, tables, verdicts


def row(name, planted, score, named=None, flagged=None):
    told = {
        "name": name,
        "planted": [{"class_id": id_, "success": success, "share": 0.1} for id_, success in planted],
    }
    flags = None if flagged is None else np.array(flagged)
    return Row(told, np.array(score), flags, named or {}, 5.0)


def test_the_threshold_is_the_highest_score_of_the_clean_models_that_set_it():
    rows = [
        row("C00", [], [0.1, 0.5, 0.2]),
        row("C01", [], [0.6, 0.1, 0.1]),
        row("C02", [], [0.4, 0.1, 0.1]),
        row("P01", [(2, 0.3)], [0.1, 0.2, 0.7]),
        row("P02", [(1, 0.3)], [0.0, 0.4, 0.1]),
        row("P04", [(0, 0.05)], [0.0, 0.4, 0.1]),
        row("P03", [(0, 0.5)], [0.0, 0.4, 0.1]),
    ]
    first, found, false, *paper, seconds = verdicts(rows)
    assert first.startswith("2 of 2 ")
    assert found.startswith("1 of 2 ")
    assert false.startswith("1 of 2 ")
    assert (paper, seconds) == (["-", "-"], "5")


def test_ties_count_against_the_method():
    assert row("P01", [(1, 0.5)], [0.0, 0.0, 0.0]).rank(1) == 3


def test_an_interval_is_that_of_clopper_and_pearson():
    # The rule of three's exact value for 20: 1 - 0.025^(1/20).
    clean = [row(f"C{number:02}", [], [0.0], flagged=[False]) for number in range(1, 31) if number % 3]
    assert verdicts(clean)[4] == "0 of 20 (0.00 to 0.17)"


def test_naming_is_the_mean_over_the_models_that_do_not_set_thresholds():
    rows = [
        row("N00", [(1, 0.5), (2, 0.5)], [0.0] * 3, {1: 0.1, 2: 0.1}),
        row("N01", [(1, 0.5), (2, 0.5)], [0.0] * 3, {1: 0.9, 2: 0.8}),
        row("P15", [(1, 0.5)], [0.0] * 3, {1: 0.7}),  # by its number it sets those of the methods, but not the audit's
    ]
    for one in rows:
        one.told["sets_thresholds"] = one.told["name"] != "P15"
    assert naming(rows) == ["-", "0.800 (3)", "-", "-"]


def test_tables_read_what_the_methods_wrote(tmp_path):
    (tmp_path / "baselines").mkdir()
    told = {"name": "P01", "planted": [{"class_id": 1, "success": 0.4, "share": 0.1}]}
    (tmp_path / "P01.json").write_text(json.dumps(told))
    lines = ["class,score,flagged,named,seconds", "0,0.25,0,,12.5", "1,2.5,1,0.75,12.5"]
    (tmp_path / "baselines" / "P01-neural_cleanse.csv").write_text("\n".join(lines))
    assert "| neural_cleanse | 1 of 1 (0.03 to 1.00) |" in tables(tmp_path)
    assert "activation_clustering" not in tables(tmp_path)


@pytest.mark.parametrize("score", [[0.0, 3.0], [3.0, 0.0]])
def test_without_clean_models_no_threshold_is_known_and_nothing_found(score):
    assert verdicts([row("P01", [(1, 0.5)], score)])[1].startswith("0 of 1 ")
