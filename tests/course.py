"""What the tests read: the chapters as they are on disk, and their text in convenient pieces."""

import ast
import re
import shutil
from functools import lru_cache
from pathlib import Path

import jupytext
import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "chapters"
DATASETS = ROOT / "datasets"
TEMPLATE = CHAPTERS / "_template.md"
PARTS = ("interview", "foundations", "lifecycle", "cases", "reality", "practice")
TAUGHT = ("interview", "foundations", "lifecycle", "cases")  # parts whose chapters have the full anatomy


def chromium():
    """The path of the system's Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


def sources():
    """The .md of every chapter, `part/topic.md`, sorted."""
    return sorted(path for path in CHAPTERS.glob("*/*.md") if ".ipynb_checkpoints" not in path.parts)


def notebooks():
    """The committed notebook of every chapter, sorted."""
    return sorted(path for path in CHAPTERS.glob("*/*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def pages():
    """Pages without code that stand directly in chapters/."""
    return sorted(path for path in CHAPTERS.glob("*.md") if not path.name.startswith("_"))


def name(path):
    """`part/topic` of a chapter file, or the file's name for a page directly in chapters/."""
    return path.stem if path.parent == CHAPTERS else f"{path.parent.name}/{path.stem}"


@lru_cache
def read_markdown(path):
    """A .md as a notebook without outputs."""
    return jupytext.read(path)


@lru_cache
def read_notebook(path):
    """A committed notebook; fails with the remedy where there is none."""
    assert path.exists(), f"{name(path)}.md has no notebook beside it: run `make notebooks`"
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Pairs (position among all cells, cell) of the code cells."""
    return [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def tags(cell):
    """The tags of a cell, as a set."""
    return set(cell.metadata.get("tags", []))


def markdown(notebook):
    """All text cells as one string."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def claims(notebook):
    """(position, message) of every assert with a message in a cell tagged `claim`."""
    found = []
    for index, cell in code_cells(notebook):
        if "claim" in tags(cell):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Assert) and isinstance(node.msg, ast.Constant):
                    found.append((index, node.msg.value))
    return found


def output_text(cell):
    """Everything a code cell shows as text."""
    parts = []
    for output in cell.get("outputs", []):
        parts.append(output.get("text", ""))
        parts += [
            text for key, text in output.get("data", {}).items() if key in ("text/plain", "text/markdown")
        ]
    return "\n".join(parts)


def without_code(text):
    """Markdown without fenced blocks and inline code."""
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1\s*$", "", text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", " ", text)


def words(text):
    """Number of words of Markdown, code left out."""
    return len(re.findall(r"[A-Za-z][\w'-]+", without_code(text)))


def reading_minutes(notebook):
    """Minutes to read a chapter: 200 words and 30 lines of code a minute, to the nearest five."""
    lines = [line for _, cell in code_cells(notebook) for line in cell.source.splitlines() if line.strip()]
    return 5 * round((words(markdown(notebook)) / 200 + len(lines) / 30) / 5)


def headings(text):
    """(level, title) of each Markdown heading."""
    found = re.findall(r"^(#{1,6}) +(.+?)\s*$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), flags=re.M)
    return [(len(marks), title) for marks, title in found]


def slug(title):
    """The anchor that the book, GitHub and JupyterLab give a heading."""
    title = re.sub(r"`|\*|\$", "", title).strip().lower()
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


def links(text):
    """The targets of all Markdown links and pictures, code left out."""
    return re.findall(r"\[[^\]]*\]\(<?([^)>\s]+)>?\)", without_code(text))


def toc_files():
    """The files `_toc.yml` names, in order, without suffix and relative to the root."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))

    def walk(node):
        for entry in node.get("chapters", []) + node.get("sections", []) + node.get("parts", []):
            if "file" in entry:
                yield re.sub(r"\.(md|ipynb)$", "", entry["file"])
            yield from walk(entry)

    return [toc["root"], *walk(toc)]
