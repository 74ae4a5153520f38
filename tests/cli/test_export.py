import json

import pytest

import xaisigns as xs


@pytest.fixture
def store(narrow, untrained, gtsrb, tmp_path):
    xs.write_store(untrained, gtsrb, "lrp,edges", out=tmp_path / "store")
    return tmp_path / "store"


def test_a_project_is_written_for_each_method(run, store, tmp_path):
    code, printed, told = run("export", store, "--virelay", tmp_path / "out", "--lang", "de")
    assert (code, told) == (0, "")
    lrp, edges = (tmp_path / "out" / f"{name}.yaml" for name in ("lrp", "edges"))
    assert printed.splitlines()[0] == f"{lrp}: 12 Bilder; anzusehen mit: virelay {lrp}"
    assert lrp.is_file()
    assert edges.is_file()


def test_the_document_is_the_functions(run, store, tmp_path):
    code, printed, _ = run("export", store, "--virelay", tmp_path / "one", "--json")
    wanted = xs.export(store, virelay=tmp_path / "other")
    assert code == 0
    assert {**json.loads(printed), "projects": None} == {**wanted, "projects": None}


def test_what_is_no_store_is_told_in_a_line(run, tmp_path):
    code, printed, told = run("export", tmp_path / "nothing", "--virelay", tmp_path / "out")
    assert (code, printed) == (1, "")
    assert told == f"xaisigns: {tmp_path / 'nothing'} is no store that 'xaisigns attribute' wrote\n"
    assert run("export", tmp_path / "nothing")[0] == 2
