"""What a visitor can cause has its sentence in every language, with the same blanks."""

import re

import pytest

from xaisigns.base.language import languages
from xaisigns.errors import DataError
from xaisigns.live.refusal import TEXTS, RefusedError


@pytest.mark.parametrize("key", sorted(key for key in TEXTS.all("en") if key.startswith("refused_")))
def test_a_refusal_says_in_english_what_the_page_says_in_its_language(key):
    blanks = re.findall(r"\{(\w+)\}", TEXTS.all("en")[key])
    for language in languages():
        assert sorted(re.findall(r"\{(\w+)\}", TEXTS.all(language)[key])) == sorted(blanks)
    refused = RefusedError(key.removeprefix("refused_"), **{blank: f"<{blank}>" for blank in blanks})
    assert isinstance(refused, DataError)
    assert (refused.key, refused.blanks) == (key, {blank: f"<{blank}>" for blank in blanks})
    assert all(f"<{blank}>" in str(refused) for blank in blanks)
