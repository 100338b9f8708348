"""The pages about the course keep up with it: the glossary is in order, and no list of claims grows stale."""

import json
import re
import shutil
import subprocess
import sys

import notebooks as tool
import pytest
from course import CHAPTERS, ROOT, claims, markdown, output_text, read_markdown, read_notebook

GLOSSARY = CHAPTERS / "practice" / "glossary.md"
CLAIMS = CHAPTERS / "practice" / "claims.md"

needs = {
    path: pytest.mark.skipif(not path.exists(), reason=f"there is no {path.name}")
    for path in (GLOSSARY, CLAIMS)
}


def entries():
    """(letter of the heading, term, text) of each entry of the glossary."""
    found, letter = [], None
    for line in markdown(read_markdown(GLOSSARY)).splitlines():
        heading = re.fullmatch(r"## (.)", line)
        letter = heading[1] if heading else letter
        entry = re.fullmatch(r"\*\*(.+?)\.\*\* (.+)", line)
        if entry:
            found.append((letter, entry[1], entry[2]))
    return found


def letters(term):
    """What a term is sorted by: its letters and digits."""
    return re.sub(r"[\W_]", "", term.lower())


# The glossary


@needs[GLOSSARY]
def test_glossary_is_in_order_and_no_term_stands_twice():
    terms = [term for _, term, _ in entries()]
    assert len(terms) >= 100, (
        f"glossary.md: only {len(terms)} entries were read: `**Term.** text [chapter](link)`"
    )
    for before, after in zip(terms, terms[1:]):
        assert letters(before) != letters(after), f"glossary.md: {after!r} stands twice"
        assert letters(before) < letters(after), f"glossary.md: {after!r} must come before {before!r}"


@needs[GLOSSARY]
def test_every_term_stands_under_its_letter_and_links_the_section_that_explains_it():
    for letter, term, text in entries():
        assert letters(term)[0].upper() == letter, f"glossary.md: {term!r} stands under {letter}"
        assert re.search(r"\(\.\./[\w/-]+\.ipynb#[\w-]+\)", text), (
            f"glossary.md: {term!r} links no section of a chapter: add `[chapter](../part/topic.ipynb#heading)`"
        )


# The list of claims


@needs[CLAIMS]
def test_every_claim_of_the_course_is_on_the_page():
    notebook = read_notebook(CLAIMS.with_suffix(".ipynb"))
    shown = "\n".join(output_text(cell) for cell in notebook.cells if cell.cell_type == "code")
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for part, topic in re.findall(r"chapters/(?!practice)([\w-]+)/([\w-]+)", toc):
        for _, sentence in claims(read_notebook(CHAPTERS / part / f"{topic}.ipynb")):
            assert re.search(
                rf"^  - {re.escape(sentence)}( \*Tried on public files: .+\*)?$", shown, flags=re.M
            ), f"practice/claims lacks a claim of {part}/{topic}: {sentence!r}: run `make notebooks`"


# Planted faults, in a course of one chapter and the real list of claims

CHAPTER = """\
# A chapter

**Time** 1 minutes to read, 1 seconds to run.

```{code-cell} ipython3
SEED = 0
```

## A question

```{code-cell} ipython3
:tags: [claim]

assert SEED == 0, "The first of six claims is this one."
assert SEED == 0, "The second of six claims is this one."
assert SEED == 0, "The third of six claims is this one."
assert SEED == 0, "The fourth of six claims is this one."
assert SEED == 0, "The fifth of six claims is this one."
assert SEED == 0, "The sixth of six claims is this one."
```
"""
TOC = """\
format: jb-book
root: chapters/index
parts:
  - caption: Foundations
    chapters:
      - file: chapters/foundations/metrics
  - caption: Practice
    chapters:
      - file: chapters/practice/claims
"""


@pytest.fixture
def small(tmp_path):
    """A course of one chapter and the list of claims, executed."""
    for name in ("jupytext.toml", "course.mplstyle", "conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
    header = CLAIMS.read_text(encoding="utf-8").split("# Every claim")[0]
    for part, name, text in (
        ("foundations", "metrics", header + CHAPTER),
        ("practice", "claims", CLAIMS.read_text(encoding="utf-8")),
    ):
        (tmp_path / "chapters" / part).mkdir(parents=True)
        (tmp_path / "chapters" / part / f"{name}.md").write_text(text, encoding="utf-8")
    (tmp_path / "chapters" / "reality").mkdir()
    (tmp_path / "chapters" / "reality" / "trials.yml").write_text("claims: {}\n", encoding="utf-8")
    make_notebooks(tmp_path)
    return tmp_path


def make_notebooks(root):
    """Run the copy's `tools/notebooks.py`; returns what it says of the page with all claims."""
    command = [sys.executable, root / "tools" / "notebooks.py"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert result.returncode == 0, result.stderr
    return re.search(r"practice/claims: (\w+)", result.stdout + result.stderr)[1]


def edit(root, old, new):
    """Replace text in the chapter's Markdown."""
    path = root / "chapters" / "foundations" / "metrics.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def page(root):
    """The list of claims as it is stored."""
    return (root / "chapters" / "practice" / "claims.ipynb").read_text(encoding="utf-8")


@needs[CLAIMS]
def test_a_changed_claim_is_seen_and_the_page_is_made_again_after_its_chapter(small):
    assert "The first of six claims" in page(small)
    assert make_notebooks(small) == "unchanged"
    stale = page(small)
    edit(small, "The first of six", "The very first of six")
    assert make_notebooks(small) == "executed", "a changed claim must bring the page up to date in the same run"
    assert "The very first of six claims" in page(small)

    source = small / "chapters" / "practice" / "claims.md"
    expected = tool.code_hash(tool.read_source(source), source)
    assert json.loads(stale)["metadata"]["course"]["code"] != expected, (
        "the pairing test would not see a stale page"
    )
    source.with_suffix(".ipynb").write_text(stale, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--numprocesses=0",
        "-p",
        "no:cacheprovider",
        source.with_suffix(".ipynb"),
    ]
    replayed = subprocess.run(command, capture_output=True, text=True, cwd=small)
    assert replayed.returncode == 1 and "The very first of six claims" in replayed.stdout, replayed.stdout


@needs[CLAIMS]
def test_a_heading_that_moves_makes_the_page_again(small):
    edit(small, "## A question", "## Another question")
    assert make_notebooks(small) == "executed"
    assert "foundations/metrics.ipynb#another-question" in page(small)


@needs[CLAIMS]
def test_a_chapter_that_runs_again_with_other_outputs_leaves_the_page_alone(small):
    path = small / "chapters" / "foundations" / "metrics.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][1]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["12 ms\n"]}]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert make_notebooks(small) == "unchanged"
