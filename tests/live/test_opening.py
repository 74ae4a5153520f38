"""From what a caller names to what is on show."""

import pytest

import xaisigns as xs
from tests.repairs import written_findings
from xaisigns.errors import AuditError, DataError
from xaisigns.live.opening import opened_exhibit

pytestmark = pytest.mark.usefixtures("narrow", "made_up_audit")


def test_a_data_set_is_an_album_and_without_one_there_is_none(untrained, gtsrb):
    model = xs.load_model(untrained)
    assert opened_exhibit(model, [], None, None, language="en").album is None
    album = opened_exhibit(model, [], gtsrb, None, language="en").album
    assert sum(one["count"] for one in album.classes()) == 12
    with pytest.raises(DataError):
        opened_exhibit(model, [], gtsrb / "nothing", None, language="en")


def test_findings_are_about_one_of_the_models(untrained, own_untrained, gtsrb, tmp_path):
    path = written_findings(untrained, gtsrb, tmp_path / "audit")
    model, other = xs.load_model(untrained), xs.load_model(own_untrained)
    for models in (model, {"a": model, "b": other}, {"b": other, "a": model}):
        assert opened_exhibit(models, [], None, path, language="en").findings.found
    with pytest.raises(AuditError, match="are about another model"):
        opened_exhibit(other, [], None, path, language="en")
