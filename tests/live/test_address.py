"""The state in the address: a link may be damaged, or of another server."""

import pytest

import xaisigns as xs
from tests.live.looking import FIFTY, reads, says, state
from tests.live.served import serving
from xaisigns.live.exhibit import Exhibit

MINE = f"Red speaks for “{FIFTY}”, blue against it."


@pytest.mark.parametrize(
    "unknown",
    [
        "kind=stored",
        "kind=stored&class=99",
        "class=99",
        "class=999999999",
        "target=99",
        "target=43",
        "against=43",
        "layer=nope",
        "method=beauty",
        "method=occlusion",
        "composite=none&gamma=3",
        "composite=toString",
        "patch=7",
        f"layer={'x' * 999}",
    ],
)
def test_what_the_server_does_not_have_is_as_at_the_start(opened, address, unknown):
    page = opened(address, f"#{unknown}&on=0")
    says(page, FIFTY)
    reads(page, ".asked", MINE)
    state(page, "step=0$")
    assert not page.locator("#trouble").is_visible()
    page.evaluate("unknown => { location.hash = `x=0.2&${unknown}`; }", unknown)
    state(page, "x=0.2$")
    says(page, FIFTY)
    assert not page.locator("#trouble").is_visible()


def test_what_the_server_has_is_taken(opened, address):
    known = "composite=epsilon_plus_flat&target=42&against=rest&layer=features.18"
    page = opened(address, f"#on=1&{known}")
    state(page, known)
    reads(page, ".layer-name", "Strongest channels of features.18")


def test_a_class_that_one_of_the_models_lacks_is_not_asked_about(opened, stickered, narrow, own_untrained):
    with serving(Exhibit({"one": stickered, "other": xs.load_model(own_untrained)}, [], "en")) as address:
        page = opened(address, "#target=10&against=11")
        state(page, "step=0$")
        assert not page.locator("#trouble").is_visible()
