"""The rows of pictures of a finding."""

import numpy as np

from xaisigns.audit.findings import pixels_of
from xaisigns.audit.picture_rows import picture_rows


def test_patches_carriers_means_and_channels(shortcut):
    patches, carriers, means, *channels = picture_rows(shortcut, "en")
    assert patches.label == "What was carried into other images"
    for tile, patch in zip(patches.tiles, shortcut.transplant.patches, strict=True):
        np.testing.assert_array_equal(tile.pixels, shortcut.patch(patch))
    assert carriers.label == "Images that have the feature: 2 of 6"
    assert [tile.box for tile in carriers.tiles] == [spot.box for spot in shortcut.suspect.images]
    assert [tile.box for tile in means.tiles] == [shortcut.suspect.window, None, None]
    np.testing.assert_array_equal(means.tiles[1].pixels, pixels_of(shortcut.pictures.rest))
    assert [row.label for row in channels] == [
        f"What channel {channel} of layer features.4 answers to most" for channel in (3, 1, 0)
    ]
    assert all(len(row.tiles) == 6 for row in channels)


def test_what_no_window_carried_is_shown_whole(shortcut):
    tinted = shortcut.model_copy(update={"transplant": shortcut.transplant.model_copy(update={"carrier": "colour"})})
    assert picture_rows(tinted, "en")[0].tiles[0].pixels.shape == (32, 32, 3)


def test_without_a_suspect_there_are_patches_the_images_of_these_and_means(shortcut):
    pictures = shortcut.pictures.model_copy(update={"rest": None})
    bare = shortcut.model_copy(update={"suspect": None, "pictures": pictures})
    patches, sources, means = picture_rows(bare, "de")
    assert [row.label for row in (patches, sources, means)] == [
        "Was in andere Bilder übertragen wurde",
        "Bilder, aus denen es stammt",
        "Mittelwerte: die Bilder, das Merkmal selbst",
    ]
    assert [tile.box for tile in sources.tiles] == [patch.box for patch in bare.transplant.patches]
    assert [tile.box for tile in means.tiles] == [(2, 4, 12, 14), None]  # 2.5 and 12.5 are rounded to even


def test_a_finding_without_pictures_has_no_rows(lost):
    assert picture_rows(lost, "en") == []
