import pytest

from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import DEFAULT_METHODS, methods
from xaisigns.errors import MethodError


def names(text):
    return [method.name for method in select_methods(text.split(","))]


def test_specifications_keep_their_order_and_come_once():
    assert names("occlusion:window=4, saliency,occlusion:window=4") == ["occlusion:window=4", "saliency"]


def test_default_is_what_is_compared_where_none_is_named():
    assert names("default") == list(DEFAULT_METHODS)


def test_composites_are_all_of_lrp_with_and_without_a_contrast():
    found = names("composites")
    assert len(found) == len(set(found)) == 2 * (len(COMPOSITES) + 4)
    assert {f"lrp:{name}" for name in COMPOSITES} <= set(found)
    assert "lrp:epsilon_gamma_box:gamma=0.05:contrast" in found
    assert all(name.startswith("lrp:") for name in found)


def test_all_is_everything_with_the_controls_last():
    found = names("all")
    assert set(names("composites")) < set(found)
    assert {method.name for method in methods()} - {"lrp"} < set(found)
    assert found[-3:] == ["random", "edges", "uniform"]


def test_sets_and_specifications_mix():
    assert names("saliency,default")[0] == "saliency"
    assert sorted(names("saliency,default")) == sorted(DEFAULT_METHODS)


def test_no_method_at_all_is_refused():
    with pytest.raises(MethodError, match=r"^no method is named"):
        select_methods([])


def test_an_unknown_method_is_refused():
    with pytest.raises(MethodError, match="no method 'lpr'"):
        names("saliency,lpr")


def test_one_text_holds_methods_with_commas_between_them():
    names = [method.name for method in select_methods("edges, lrp:epsilon_plus,uniform")]
    assert names == [method.name for method in select_methods(["edges", "lrp:epsilon_plus", "uniform"])]
    assert [method.name for method in select_methods("edges")] == ["edges"]
