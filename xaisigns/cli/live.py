"""xaisigns live: a page on which one drags a sticker and sees the network change its mind."""

from pathlib import Path
from typing import Annotated, Any

import typer

from xaisigns.base.language import Language
from xaisigns.cli.options import Networks, Output
from xaisigns.cli.terminal import say
from xaisigns.cli.words import WORDS


def live(
    *,
    network: Networks,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="ROOT",
            help="Also show the test images of this data set, those that went wrong first.",
            show_default=False,
        ),
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also offer what 'xaisigns audit' found: its findings.json.", show_default=False
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for a free one.")] = 8000,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    output: Output,
) -> None:
    """Serve a page on this machine alone: drag a sticker over a sign and watch the answer and its heatmap follow."""
    from xaisigns.live.opening import opened_exhibit
    from xaisigns.live.running import listening, serve

    def tell(address: str) -> None:
        output.show({"address": address, "models": network.model or ["stickered"]}, _print)

    with listening(port) as own:  # before what takes time
        model = network.load()
        with output.bars() as progress:
            exhibit = opened_exhibit(model, network.words(), data, findings, language=output.lang, progress=progress)
        serve(exhibit, own, tell, browser=browser)


def _print(document: dict[str, Any], language: Language) -> None:
    say(WORDS("live", language, address=document["address"]))
