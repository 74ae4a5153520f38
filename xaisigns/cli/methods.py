"""xaisigns methods: the attribution methods that there are."""

from typing import TYPE_CHECKING

from rich.table import Table

from xaisigns.cli.options import Output
from xaisigns.cli.terminal import print_json, print_table, say
from xaisigns.cli.words import WORDS

if TYPE_CHECKING:
    from xaisigns.attribution.methods import Method
    from xaisigns.base.language import Language


def methods(*, output: Output) -> None:
    """List the attribution methods: what each does, its options with their defaults, its source; controls last."""
    from xaisigns.attribution.methods import methods as known

    found = known()
    lang = output.lang
    if output.json:
        print_json({"methods": [_document(method, lang) for method in found]})
        return
    table = Table(*(WORDS(key, lang) for key in ("method", "shows", "options", "source")))
    for method, following in zip(found, [*found[1:], None], strict=True):
        # A composite is written by its name alone.
        options = ":".join(
            str(value) if name == "composite" else f"{name}={value}" for name, value in method.options.items()
        )
        # The controls stand below a line.
        last = following is not None and following.control and not method.control
        table.add_row(method.name, method.description(lang), options, method.source or "", end_section=last)
    print_table(table)
    say(WORDS("specification", lang))


def _document(method: "Method", language: "Language") -> dict[str, object]:
    return {
        "name": method.name,
        "description": method.description(language),
        "options": dict(method.options),
        "source": method.source,
        "control": method.control,
    }
