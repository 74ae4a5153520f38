"""The file of findings: read back whole, or refused by name whatever was done to it."""

import base64
import contextlib
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import xaisigns as xs
from tests.findings import made_up, written
from xaisigns.audit import findings_file as module
from xaisigns.audit.findings_file import findings_for, findings_of, read_findings
from xaisigns.errors import AuditError
from xaisigns.study.model_cache import ModelCache

FOREIGN = "^{path} is no findings file of 'xaisigns audit': .*; name the findings.json that it wrote, or run the audit"


def test_a_file_is_read_back_whole(whole, findings_file):
    assert read_findings(findings_file) == whole
    assert [one.verdict for one in whole.findings] == ["shortcut", "unseen", "suspect", "nothing"]
    assert [one.id for one in whole.found] == [0, 2, 1]


def test_what_the_verb_gives_is_the_same_typed(whole):
    given = {key: one for key, one in whole.model_dump(mode="json").items() if key != "made_by"}
    assert findings_of({**given, "files": {"findings": "a.json"}}).findings == whole.findings


@pytest.mark.usefixtures("narrow")
def test_findings_about_another_model_are_refused(untrained, tmp_path):
    model = xs.load_model(untrained)
    path = written(made_up(ModelCache(model).weights), tmp_path / "findings.json")
    assert findings_for(model, path).findings
    model.classifier[0].bias.data[0] += 1
    with pytest.raises(AuditError, match=f"^the findings in {path} are about another model .*: name the findings"):
        findings_for(model, path)


def changed(path, change):
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document, document["findings"][0])
    return json.dumps(document).encode()


def url(size, kind="png", mode="RGB"):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def with_picture(value):
    return lambda document, found: found["pictures"].update(mean=value)


DAMAGE = {
    "more": lambda document, found: document.update(more=1),
    "less": lambda document, found: document.pop("limits"),
    "another format": lambda document, found: document.update(format=2),
    "a format that is true": lambda document, found: document.update(format=True),
    "a verdict of its own": lambda document, found: found.update(verdict="guilty"),
    "more than sure": lambda document, found: found.update(confidence=1.5),
    "a class that the model has not": lambda document, found: found.update(id=4),
    "a class twice": lambda document, found: found.update(id=1),
    "a number as a text": lambda document, found: found.update(id="0"),
    "hits beyond the count": lambda document, found: found["transplant"]["flips"].update(hits=101),
    "another share": lambda document, found: found["transplant"]["flips"].update(share=0.5),
    "no images at all": lambda document, found: found["transplant"]["flips"].update(count=0),
    "an interval beside the share": lambda document, found: found["transplant"]["flips"].update(interval=[0.0, 0.01]),
    "a shortcut without a proof": lambda document, found: found.update(transplant=None),
    "a shortcut that makes no difference": lambda document, found: found["transplant"].update(difference=0.0),
    "a collapse that is none": lambda document, found: document["findings"][1]["unseen"].update(collapsed=False),
    "a suspect without a part": lambda document, found: document["findings"][2].update(suspect=None),
    "a part larger than its class": lambda document, found: found["suspect"].update(count=1),
    "an image of the part twice": lambda document, found: found["suspect"]["images"].append(
        found["suspect"]["images"][0]
    ),
    "an empty box": lambda document, found: found["suspect"].update(window=[5, 5, 5, 9]),
    "a box outside": lambda document, found: found["suspect"].update(window=[0, 0, 33, 9]),
    "a box with three corners": lambda document, found: found["suspect"].update(window=[0, 0, 3]),
    "a patch of nothing": lambda document, found: found["transplant"]["patches"][0].update(key="../../etc/passwd"),
    "an unknown image of a channel": lambda document, found: found["suspect"]["channels"][0].update(images=["x"]),
    "weights that are no digest": lambda document, found: document["model"].update(weights="abc"),
    "stickers that are none": lambda document, found: document["data"].update(stickers={"class_id": -1}),
    "a picture that is a path": with_picture("/etc/passwd"),
    "a picture that is an address": with_picture("https://example.org/a.png"),
    "a picture that is markup": with_picture("data:image/svg+xml;base64,PHN2Zy8+"),
    "a picture that is no base64": with_picture("data:image/png;base64,<script>"),
    "a picture that is no PNG": with_picture(url((32, 32), "gif")),
    "a picture of another size": with_picture(url((31, 32))),
    "a picture beyond all size": with_picture(url((4000, 4000), mode="1")),
    "a feature beyond all size": lambda document, found: found["pictures"].update(feature=url((4000, 4000), mode="1")),
    "a limit of its own": lambda document, found: document["limits"].update(more="More."),
    "half a character": lambda document, found: found.update(name="\ud83d"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_changed_file_is_refused_by_name(damage, findings_file, tmp_path):
    path = tmp_path / "changed.json"
    path.write_bytes(changed(findings_file, DAMAGE[damage]))
    with pytest.raises(AuditError, match=FOREIGN.format(path=path)):
        read_findings(path)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format": 1, "format": 1}', b'{"a": NaN}']
)
def test_a_foreign_file_is_refused_by_name(content, tmp_path):
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(AuditError, match=FOREIGN.format(path=path)):
        read_findings(path)


def test_a_name_that_comes_twice_is_refused(findings_file):
    findings_file.write_bytes(findings_file.read_bytes().replace(b'"seed": 7', b'"seed": 8, "seed": 7'))
    with pytest.raises(AuditError, match="'seed' is in it twice"):
        read_findings(findings_file)


def test_a_file_that_is_not_there_or_too_large_is_refused(findings_file, tmp_path, monkeypatch):
    for path in (tmp_path / "gone.json", tmp_path, "a\0b"):
        with pytest.raises(AuditError, match="is no findings file of 'xaisigns audit': "):
            read_findings(path)
    monkeypatch.setattr(module, "_LARGEST", 1000)
    with pytest.raises(AuditError, match=r"is no findings file of .*: it has more than 1000 bytes"):
        read_findings(findings_file)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_bytes_are_damaged_it_is_read_or_refused(findings_file, tmp_path, data):
    raw = bytearray(findings_file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path = tmp_path / "damaged.json"
    path.write_bytes(raw)
    with contextlib.suppress(AuditError):
        read_findings(path)


@pytest.mark.parametrize("given_document", [{}, {"format": 1}, {1: 2}])
def test_a_document_that_no_audit_made_is_refused(given_document):
    with pytest.raises(AuditError, match=r"^this is no document of xs\.audit: .*; run the audit again$"):
        findings_of(given_document)
