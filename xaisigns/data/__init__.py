"""Images, classes, stickers: everything that a model is trained and tested on."""
