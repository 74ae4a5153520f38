"""The network, its training, its file and its accuracy."""
