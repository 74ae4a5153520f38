import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.drawn.faces import MARGIN, face_drawing, rasterised_face

SVG = "{http://www.w3.org/2000/svg}"
WARNINGS = [11, *range(18, 32)]
PROHIBITIONS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16]
ENDS = [6, 32, 41, 42]
ORDERS = list(range(33, 41))


def within(layer):
    return np.asarray(layer, dtype=int)[MARGIN:-MARGIN, MARGIN:-MARGIN]


def pixels(class_id, size=200):
    return within(rasterised_face(class_id, size).colour)


def colour_at(class_id, x, y):
    """The colour at a place of the face, in the units of its drawing."""
    return tuple(pixels(class_id)[100 + y, 100 + x])


def is_red(colour):
    return colour[0] > 2 * max(colour[1], colour[2])


def is_blue(colour):
    return colour[2] > 1.8 * max(colour[0], colour[1])


def is_white(colour):
    return min(colour) > 215


def is_black(colour):
    return max(colour) < 50


@pytest.mark.parametrize("class_id", range(43))
def test_a_drawing_is_plain_shapes_with_a_title(class_id):
    root = ET.fromstring(face_drawing(class_id))
    assert root.get("viewBox") == "-100 -100 200 200"
    assert root.findtext(f"{SVG}title").endswith(f": {CLASS_NAMES['de'][class_id]}")
    assert [group.get("id") for group in root.findall(f"{SVG}g")] == ["ground", "pictogram"]
    # No text, so that no font of the machine decides on the digits; no image, so that nothing is fetched.
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {"svg", "title", "g", "path", "circle", "rect"}


@pytest.mark.parametrize("class_id", range(43))
def test_the_sheet_fills_its_square_from_side_to_side(class_id):
    cover = within(rasterised_face(class_id, 200).sheet) >= 128
    rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    left, right, top, bottom = columns[0], 199 - columns[-1], rows[0], 199 - rows[-1]
    assert max(left, right) <= 1 + (class_id == 12)  # the corners of the diamond are round
    assert abs(left - right) <= 1
    assert abs(top - bottom) <= 1


@pytest.mark.parametrize("class_id", range(43))
def test_the_pictogram_lies_on_the_sheet(class_id):
    face = rasterised_face(class_id, 200)
    sheet, pictogram = (within(layer) for layer in (face.sheet, face.pictogram))
    assert (pictogram <= sheet).all()
    assert 0.015 < (pictogram >= 128).mean() < 0.45


@pytest.mark.parametrize("class_id", range(43))
def test_the_colours_beside_the_sheet_are_those_of_its_rim(class_id):
    face = rasterised_face(class_id, 200)
    beside = pixels(class_id)[within(face.sheet) < 255]
    assert (beside.min(axis=1) > 220).all()


@pytest.mark.parametrize("class_id", PROHIBITIONS)
def test_prohibitions_have_a_red_ring_around_a_white_field(class_id):
    for x, y in ((0, -84), (0, 84), (-84, 0), (84, 0), (59, 59)):
        assert is_red(colour_at(class_id, x, y))
    assert is_white(colour_at(class_id, 0, 60))
    assert is_white(colour_at(class_id, 98, 0))


@pytest.mark.parametrize("class_id", WARNINGS)
def test_warnings_are_triangles_with_the_point_up_and_a_red_border(class_id):
    sheet = within(rasterised_face(class_id, 200).sheet) >= 128
    assert sheet[30].sum() < 50 < 160 < sheet[180].sum()
    for x, y in ((0, -65), (0, 76), (-50, 12), (50, 12)):
        assert is_red(colour_at(class_id, x, y))
    assert is_white(colour_at(class_id, 50, 61))


def test_give_way_is_a_triangle_with_the_point_down():
    sheet = within(rasterised_face(13, 200).sheet) >= 128
    assert sheet[20].sum() > 160 > 50 > sheet[170].sum()
    assert is_white(colour_at(13, 0, -20))
    assert is_red(colour_at(13, 0, 65))


@pytest.mark.parametrize("class_id", ORDERS)
def test_orders_are_white_on_blue(class_id):
    for x, y in ((-88, 0), (88, 0), (0, 88), (0, -88)):
        assert is_blue(colour_at(class_id, x, y))
    shown = pixels(class_id)[within(rasterised_face(class_id, 200).pictogram) == 255]
    assert shown.min() > 215


@pytest.mark.parametrize("class_id", ENDS)
def test_ends_have_no_red_and_black_stripes_from_lower_left_to_upper_right(class_id):
    face = pixels(class_id)
    assert not (face[..., 0] > 1.3 * face[..., 1]).any()
    assert is_black(colour_at(class_id, 47, -52))
    assert is_black(colour_at(class_id, -47, 52))
    assert is_white(colour_at(class_id, -47, -72))


@pytest.mark.parametrize(("right", "left"), [(33, 34), (36, 37), (38, 39), (20, 19)])
def test_signs_to_the_left_mirror_those_to_the_right(right, left):
    np.testing.assert_allclose(pixels(left), pixels(right)[:, ::-1], atol=60)


def test_the_overtaking_vehicle_is_red_and_on_the_left():
    for class_id, y in ((9, 5), (10, 14)):
        assert is_red(colour_at(class_id, -32, y - 5))
        assert is_black(colour_at(class_id, 30, y))


def test_the_traffic_light_is_red_over_yellow_over_green():
    red, yellow, green = (colour_at(26, 0, y) for y in (-21, 12, 45))
    assert is_red(red)
    assert yellow[0] > 200 > yellow[1] > 120 > yellow[2]
    assert green[1] > 1.2 * max(green[0], green[2])


def test_no_two_faces_look_alike():
    small = [pixels(class_id, 32) for class_id in range(43)]
    for first, second in itertools.combinations(range(43), 2):
        differs = abs(small[first] - small[second]).max(axis=2) > 60
        assert differs.sum() >= 15, (first, second)


def test_a_face_is_drawn_once():
    assert rasterised_face(7, 48) is rasterised_face(7, 48)


def test_small_faces_are_kept_and_large_ones_do_not_fill_the_memory():
    assert rasterised_face(14, 32) is rasterised_face(14, 32)
    assert rasterised_face(14, 513) is not rasterised_face(14, 513)
