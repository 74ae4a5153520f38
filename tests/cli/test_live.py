import json
import socket
import sys

import pytest

from tests.repairs import written_findings
from xaisigns.live import running

pytestmark = pytest.mark.usefixtures("narrow")


def test_the_page_is_told_and_opened(run, unserved, untrained):
    code, printed, told = run("live", "--model", untrained, "--port", 0)
    assert (code, told) == (0, "")
    (address,) = unserved
    assert address.startswith("http://127.0.0.1:")
    assert printed == f"{address} is served on this machine alone; Ctrl-C ends it\n"


def test_no_browser_is_opened_where_none_is_wanted(run, unserved, untrained):
    code, printed, _ = run("live", "--model", untrained, "--port", 0, "--no-browser", "--json")
    assert code == 0
    assert json.loads(printed)["models"] == [str(untrained)]
    assert unserved == []


def test_models_data_and_findings_are_on_show(
    run, unserved, untrained, own_untrained, gtsrb, tmp_path, made_up_audit, monkeypatch
):
    shown = []
    monkeypatch.setattr(running, "serve", lambda exhibit, *_, **__: shown.append(exhibit))
    findings = written_findings(untrained, gtsrb, tmp_path / "audit")
    models = ("--model", untrained, "--model", own_untrained)
    code, _, told = run("live", *models, "--data", gtsrb, "--findings", findings, "--lang", "de")
    assert code == 0, told
    (exhibit,) = shown
    assert len(exhibit.model) == 2
    assert exhibit.options == [*map(str, models)]
    assert (exhibit.language, len(exhibit.album.classes())) == ("de", 4)
    assert exhibit.patches


def test_a_port_in_use_is_told_in_a_line_before_anything_is_loaded(run, unserved):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, printed, told = run("live", "--model", "no-such", "--port", port)  # the port comes first
    assert (code, printed) == (1, "")
    assert told == (
        f"xaisigns: cannot serve on port {port} of 127.0.0.1: it is in use; end what runs there, or give --port "
        "another number, 0 for a free one\n"
    )
    assert unserved == []


def test_without_the_extra_it_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, printed, told = run("live", "--model", "no-such")
    assert (code, printed) == (1, "")
    assert told == "xaisigns: the live page needs Starlette and uvicorn; install them: pip install 'xaisigns[live]'\n"
