"""What a document of findings gives whoever reads it: images, and the pixels of patches."""

import numpy as np
import pytest

from xaisigns.audit.findings import pixels_of, png_url
from xaisigns.errors import AuditError


def test_patches_are_the_pixels_of_their_boxes(shortcut):
    for patch in shortcut.transplant.patches:
        left, top, right, bottom = patch.box
        image = pixels_of(shortcut.pictures.images[patch.key])
        np.testing.assert_array_equal(shortcut.patch(patch), image[top:bottom, left:right])


def test_spots_are_where_the_feature_is_or_was_taken_from(shortcut, lost):
    assert shortcut.spots == shortcut.suspect.images
    assert shortcut.model_copy(update={"suspect": None}).spots == shortcut.transplant.patches
    assert lost.spots == ()


def test_a_png_gives_its_pixels_again():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(pixels_of(png_url(pixels)), pixels)


def test_an_image_that_is_not_shown_cannot_be_had(shortcut, lost):
    for one in (shortcut, lost):
        with pytest.raises(AuditError, match=f"about class {one.id} does not show the image 'gone'"):
            one.image("gone")
