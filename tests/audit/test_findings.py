"""What a document of findings gives whoever reads it: images, and the pixels of patches."""

import numpy as np
import pytest
from PIL import Image

import xaisigns as xs
from xaisigns.audit.findings import pixels_of, png_url
from xaisigns.audit.findings_file import read_findings
from xaisigns.errors import AuditError


def test_patches_are_the_pixels_of_their_boxes(findings_file, gtsrb, untrained):
    found = read_findings(findings_file).findings[0]
    data = xs.open_images(gtsrb, "train")
    pictures = {sample.key: np.asarray(Image.open(sample.path).resize((32, 32))) for sample in data.samples}
    for patch in found.transplant.patches:
        left, top, right, bottom = patch.box
        np.testing.assert_array_equal(found.patch(patch), pictures[patch.key][top:bottom, left:right])
    assert [spot.key for spot in found.suspect.images] == [s.key for s in data.samples if s.class_id == 2][:2]


def test_a_png_gives_its_pixels_again():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(pixels_of(png_url(pixels)), pixels)


def test_an_image_that_is_not_shown_cannot_be_had(findings_file):
    found = read_findings(findings_file).findings
    for one in (found[0], found[1]):
        with pytest.raises(AuditError, match=f"about class {one.id} does not show the image 'gone'"):
            one.image("gone")
