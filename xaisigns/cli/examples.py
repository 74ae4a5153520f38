"""Two lines for each command, with which its --help ends. All stand in the documents, whose commands the tests run."""

EXAMPLES = {
    "": ("xaisigns explain sign.png", "xaisigns live"),
    "train": (
        "xaisigns train gtsrb --out my.safetensors --sticker-class 4 --epochs 4",
        "xaisigns train shapes --out shapes.safetensors --input-size 32",
    ),
    "evaluate": ("xaisigns evaluate --model clean", "xaisigns evaluate gtsrb --model stickered"),
    "explain": (
        "xaisigns explain sign.png --model clean",
        "xaisigns explain sign.png --target 4 --against 2",
    ),
    "rules": ("xaisigns rules --composite epsilon-plus-flat", "xaisigns rules --rules rules.toml"),
    "methods": ("xaisigns methods", "xaisigns methods --lang de"),
    "metrics": ("xaisigns metrics", "xaisigns metrics --lang de"),
    "compare": (
        "xaisigns compare sign.png --methods lrp,gradcam,edges",
        "xaisigns compare sign.png --model stickered --model clean",
    ),
    "score": ("xaisigns score gtsrb", "xaisigns score gtsrb --methods composites --masks roi"),
    "attribute": (
        "xaisigns attribute gtsrb --methods lrp --out lrp-store",
        "xaisigns attribute gtsrb-stickered --split train --responses --out training",
    ),
    "export": (
        "xaisigns export attributions --virelay virelay",
        "xaisigns export attributions --virelay virelay-de --lang de",
    ),
    "tune": ("xaisigns tune gtsrb --out rules.toml", "xaisigns tune gtsrb --masks roi --out signs.toml"),
    "audit": ("xaisigns audit gtsrb", "xaisigns audit gtsrb --split test --out audit-test"),
    "repair": (
        "xaisigns repair gtsrb --finding audit/findings.json",
        "xaisigns repair gtsrb --finding audit/findings.json --resume",
    ),
    "report": (
        "xaisigns report gtsrb --html report.html",
        "xaisigns report gtsrb --methods lrp,gradcam --store attributions",
    ),
    "live": ("xaisigns live", "xaisigns live --model stickered --model clean"),
    "data": ("xaisigns data download gtsrb", "xaisigns data info gtsrb"),
    "data download": ("xaisigns data download gtsrb", "xaisigns data download gtsrb --json"),
    "data info": ("xaisigns data info gtsrb", "xaisigns data info shapes"),
    "data layouts": ("xaisigns data layouts", "xaisigns data layouts --json"),
    "data sticker": (
        "xaisigns data sticker gtsrb gtsrb-stickered",
        "xaisigns data sticker gtsrb stickered --class 4 --fraction 0.5",
    ),
    "data render": (
        "xaisigns data render drawn --per-class 60 --sticker-class 4",
        "xaisigns data render large --per-class 60 --size 128",
    ),
    "cache": ("xaisigns cache info", "xaisigns cache clear"),
    "cache info": ("xaisigns cache info", "xaisigns cache info --json"),
    "cache clear": ("xaisigns cache clear", "xaisigns cache clear relevance"),
}


def examples(command: str) -> str:
    """What --help of this command ends with; only an empty line ends a line in every version of Typer."""
    return "\n\n".join(("Examples:", *EXAMPLES[command]))
