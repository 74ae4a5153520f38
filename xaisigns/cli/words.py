"""The texts of what commands print for people."""

from xaisigns.base.texts import Texts

WORDS = Texts("cli")
