"""Write datasets/README.md from the data cards. usage: python tools/catalogue.py"""

from pathlib import Path

import yaml

DATASETS = Path(__file__).resolve().parents[1] / "datasets"

HEAD = """\
# Data sets

This file is written by `make catalogue` from the cards beside it; edit those.
Each data set is a CSV in git, a card (`.yml`) that says what it holds, and a builder (`.py`) that writes
the CSV again byte for byte: `python datasets/<name>.py`. The tests check all three against each other.
What is written by hand is a YAML file, without a builder; its card is `<name>-card.yml`.
"""


def card_paths():
    """The cards, sorted. That of data which are themselves YAML is `<name>-card.yml`."""
    written = {path.stem.removesuffix("-card") for path in DATASETS.glob("*-card.yml")}
    return [path for path in sorted(DATASETS.glob("*.yml")) if path.stem not in written]


def cell(text):
    """`text` on one line, safe inside a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def parameters(values):
    """The builder's parameters as one paragraph."""
    return "Parameters: " + ", ".join(f"`{name}` = {value}" for name, value in values.items()) + "."


def entry(card):
    """The section of one data set; what is written by hand has neither size nor seed nor builder."""
    made = card.get("made")
    facts = [
        f"- **A row** {cell(card['row'])}",
        f"- **Size** {card['rows']:,} rows, {card['bytes'] / 1e6:.1f} MB." if made else None,
        f"- **Source** {cell(card['source'])}. **Licence** {cell(card['licence'])}."
        + (f" **Seed** {card['seed']}." if made else ""),
        f"- **Read by** {', '.join(card['used_by']) or 'no chapter yet'}.",
    ]
    columns = ["| column | type | unit | what it is |", "|---|---|---|---|"] + [
        f"| `{c['name']}` | {c['type']} | {cell(c['unit'] or '')} | {cell(c['description'])} |"
        for c in card["columns"]
    ]
    truths = [f"- {cell(truth['says'])}" for truth in card["ground_truth"]]
    blocks = [
        f"## {card['name']}: {cell(card['title'])}",
        "\n".join(filter(None, facts)),
        cell(made["mechanism"]) if made else None,
        "\n".join(columns),
        parameters(made["parameters"]) if made else None,
        "True of the data, checked on every build:",
        "\n".join(truths),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def catalogue():
    """The text of datasets/README.md."""
    cards = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in card_paths()]
    return "\n".join([HEAD, *(entry(card) for card in cards)])


if __name__ == "__main__":
    (DATASETS / "README.md").write_text(catalogue(), encoding="utf-8", newline="\n")
