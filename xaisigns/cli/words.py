"""The texts that commands print for people."""

from xaisigns.base.texts import Texts

WORDS = Texts("cli")
