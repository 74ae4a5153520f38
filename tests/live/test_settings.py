"""What a page is told once."""

import json
import re
from importlib.resources import files

import pytest

import xaisigns as xs
from tests.catalogues import blanks
from tests.repairs import written_findings
from xaisigns.attribution.specification import DEFAULT_COMPOSITE
from xaisigns.audit.findings_file import read_findings
from xaisigns.base.language import languages
from xaisigns.base.texts import Texts
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.stickers import Sticker
from xaisigns.errors import LanguageError
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.refusal import TEXTS
from xaisigns.live.settings import gamma_of, page_settings

PAGE = files("xaisigns.live") / "page"


@pytest.fixture
def model(narrow, untrained):
    return xs.load_model(untrained)


def test_there_is_all_that_can_be_chosen(model):
    told = page_settings(Exhibit(model, [], "de"))
    json.dumps(told, allow_nan=False)
    assert told["language"] == "de"
    assert set(told["languages"]) == set(languages())
    assert told["languages"]["en"]["classes"][0][14] == "Stop"
    assert {"lrp", "saliency", "smoothgrad"} <= set(told["methods"])
    assert not {"kernel_shap", "feature_ablation", "occlusion"} & set(told["methods"])
    state = (PAGE / "state.js").read_text(encoding="utf-8")
    assert told["composites"].keys() > {DEFAULT_COMPOSITE.partition(":")[0]}
    assert 'composite: "{}", gamma: {},'.format(*DEFAULT_COMPOSITE.split(":gamma=")) in state
    assert (told["album"], told["patches"], told["tour"]) == ([], [], False)


def test_a_further_language_is_one_of_the_pages_and_one_that_lacks_texts_is_refused(model, foreign, monkeypatch):
    told = page_settings(Exhibit(model, [], foreign))
    assert told["languages"][foreign]["texts"].keys() == told["languages"]["en"]["texts"].keys()
    monkeypatch.setattr(Texts, "missing", lambda self, language: ["live.tour"] if language == foreign else [])
    with pytest.raises(LanguageError, match=f"the language '{foreign}' has no text live.tour; add it"):
        page_settings(Exhibit(model, [], foreign))


def test_the_tour_is_told_where_its_story_is_true(model):
    model.card["manipulation"] = Manipulation(4).to_json()
    assert page_settings(Exhibit(model, [], "en"))["tour"]
    for other in (Manipulation(5), Manipulation(4, fraction=0.5), Manipulation(4, sticker=Sticker(shape="ellipse"))):
        model.card["manipulation"] = other.to_json()
        assert not page_settings(Exhibit(model, [], "en"))["tour"]


def test_the_tour_speaks_of_one_network_where_there_is_one(model):
    model.card["manipulation"] = Manipulation(4).to_json()
    assert page_settings(Exhibit({"mine": model}, [], "en"))["tour"]
    assert not page_settings(Exhibit({"mine": model, "other": model}, [], "en"))["tour"]


def test_a_composite_has_a_gamma_where_a_rule_of_it_has():
    assert gamma_of("epsilon_gamma_box") == 0.25
    assert gamma_of("epsilon_plus_flat") is None


def test_findings_are_told_with_the_numbers_of_their_patches(model, untrained, gtsrb, tmp_path, made_up_audit):
    findings = read_findings(written_findings(untrained, gtsrb, tmp_path / "audit"))
    exhibit = Exhibit(model, [], "en", findings=findings)
    told = page_settings(exhibit)
    numbers = [number for one in told["languages"]["de"]["findings"] for number in one["patches"]]
    assert numbers == list(range(len(told["patches"]))) == list(range(len(exhibit.patches)))


def test_findings_call_their_class_as_the_page_does(model, untrained, own_untrained, gtsrb, tmp_path, made_up_audit):
    findings = read_findings(written_findings(untrained, gtsrb, tmp_path / "audit"))
    assert findings.found[0].name == CLASS_NAMES["en"][findings.found[0].id]
    other = xs.load_model(own_untrained)
    told = page_settings(Exhibit({"other": other, "mine": model}, [], "en", findings=findings))["languages"]
    for language in ("de", "en"):
        for found, one in zip(findings.found, told[language]["findings"], strict=True):
            assert CLASS_NAMES[language][found.id] in one["sentence"]


def test_every_text_is_used_and_every_text_that_is_used_is_there():
    code = "".join(file.read_text(encoding="utf-8") for file in PAGE.iterdir())
    named = set(re.findall(r'data-(?:text|label)="(\w+)"', code)) | set(re.findall(r'\btext\(\s*"(\w+)"', code))
    known = set(TEXTS.all("en"))
    assert named <= known
    spoken = {key for key in known if re.search(rf'"{key}"|texts\.{key}\b', code)}
    built = {key for key in known if re.fullmatch(r"tour_\d(_text)?|sign_help_\w+|refused_\w+", key)}
    assert known - spoken - built == set()


def test_the_page_fills_every_blank():
    code = "".join(file.read_text(encoding="utf-8") for file in PAGE.iterdir() if file.name.endswith(".js"))
    told = {key: text for key, text in TEXTS.all("en").items() if not key.startswith("refused_")}  # by the server
    for key, text in told.items():
        for blank in blanks(text):
            assert re.search(rf"\b{blank}\b", code), (key, blank)
