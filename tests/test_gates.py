"""The tests are tested: each fault planted in a copy of the course is caught, by a message that names it."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from course import ROOT, TEMPLATE, chromium
from PIL import Image, ImageDraw

COPIED = [
    "Makefile",
    "_config.yml",
    "_static",
    "_ext",
    "_templates",
    "jupytext.toml",
    "pyproject.toml",
    "course.mplstyle",
    "conftest.py",
    "requirements.txt",
    "constraints.txt",
    "runtime.txt",
    ".github",
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "LICENSE",
    "LICENSE-CONTENT",
    "tools",
    "tests",
    "datasets",
]
TOC = """\
format: jb-book
root: chapters/index
parts:
  - caption: Foundations
    chapters:
      - file: chapters/foundations/sample
      - file: chapters/foundations/other
  - caption: Practice
    chapters:
      - file: chapters/practice/question-bank
      - file: chapters/practice/mock-interview
"""
INDEX = """\
# A course of two chapters

Read [the sample](foundations/sample.ipynb), its [failure](foundations/sample.ipynb#what-breaks), and
[the other one](foundations/other.ipynb). Then practise: [questions](practice/question-bank.ipynb),
[interview](practice/mock-interview.ipynb).
"""

TRIALS = """\
reasons:
  truth: compares with a truth that only a simulator knows
claims:
  foundations/sample:
    One run names the wrong winner: [truth, truth]
    Pairing saves runs: [truth]
    No difference needs a margin: [truth, truth]
    What breaks: [truth]
  foundations/other:
    One run names the wrong winner: [truth, truth]
    Pairing saves runs: [truth]
    No difference needs a margin: [truth, truth]
    What breaks: [truth]
"""


def another(template):
    """The template with another title and answer: two pages do not share them."""
    renamed = re.sub(r"^# .+$", "# Another chapter", template, count=1, flags=re.M)
    return renamed.replace("**In brief.** ", "**In brief.** Differently. ", 1)


def make_notebooks(root, *arguments):
    """Run `tools/notebooks.py` in `root`. Returns the finished process."""
    command = [sys.executable, root / "tools" / "notebooks.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=root)


def add_practice(root):
    """Put the practice pages into a reduced course; their questions and links are about its two chapters."""
    (root / "chapters" / "practice").mkdir()
    for file in ("practice.js", "practice.css"):
        shutil.copy(ROOT / "chapters" / "practice" / file, root / "chapters" / "practice")
    for page in ("question-bank", "mock-interview"):
        text = (ROOT / "chapters" / "practice" / f"{page}.md").read_text(encoding="utf-8")
        text = re.sub(r"\(\.\./\w+/[\w-]+\.ipynb[^)]*\)", "(../foundations/sample.ipynb)", text)
        (root / "chapters" / "practice" / f"{page}.md").write_text(text, encoding="utf-8")
    for file in ("questions", "prompts", "rubric"):
        path = root / "datasets" / f"{file}.yml"
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        for position, entry in enumerate(entries):
            if file == "questions":
                chapter = f"foundations/{('sample', 'other')[position % 2]}"
                entry |= {
                    "topic": chapter,
                    "link": f"{chapter}.ipynb#what-breaks",
                    "refuted_by": "It was measured.",
                }
                entry["key_points"] = ["It depends on one thing.", "It can be measured."]
            else:
                entry["links"] = ["foundations/sample.ipynb#what-breaks", "foundations/other.ipynb"]
        path.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="session")
def reduced(tmp_path_factory):
    """The course reduced to configuration, tests, data, one chapter, which is the template, and practice; executed."""
    root = tmp_path_factory.mktemp("reduced")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "test_gates.py"))
        elif source.exists():
            shutil.copy(source, root / name)
    (root / "chapters" / "foundations").mkdir(parents=True)
    template = TEMPLATE.read_text(encoding="utf-8").replace("(regularization.ipynb)", "(../index.md)")
    (root / "chapters" / "_template.md").write_text(template, encoding="utf-8")
    for chapter in ("sample", "other"):
        path = root / "chapters" / "foundations" / f"{chapter}.md"
        path.write_text(template if chapter == "sample" else another(template), encoding="utf-8")
    (root / "chapters" / "index.md").write_text(INDEX, encoding="utf-8")
    (root / "_toc.yml").write_text(TOC, encoding="utf-8")
    (root / "chapters" / "reality").mkdir()
    (root / "chapters" / "reality" / "trials.yml").write_text(TRIALS, encoding="utf-8")
    add_practice(root)
    for card in (csv.with_suffix(".yml") for csv in (root / "datasets").glob("*.csv")):
        card.write_text(
            re.sub(
                r"^used_by:.*?(?=^\S|\Z)", "used_by: []\n", card.read_text(encoding="utf-8"), flags=re.S | re.M
            ),
            encoding="utf-8",
        )
    subprocess.run([sys.executable, root / "tools" / "catalogue.py"], check=True)
    result = make_notebooks(root)
    assert result.returncode == 0, result.stderr
    return root


@pytest.fixture
def copy(reduced, tmp_path):
    """A copy of the reduced course that a test may harm."""
    root = tmp_path / "course"
    shutil.copytree(reduced, root)
    return root


def check(root, *arguments):
    """Run pytest on the copy as a CI does, where it prints differences in full. Returns (exit code, output)."""
    options = ["--numprocesses=0", "--timeout=120", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, env={**os.environ, "CI": "true"})
    return result.returncode, result.stdout + result.stderr


# Handles on the copy's chapter


def markdown_of(root):
    return root / "chapters" / "foundations" / "sample.md"


def notebook_of(root):
    return root / "chapters" / "foundations" / "sample.ipynb"


def replace(path, old, new, count=1):
    """Replace text in a file; fails if it is not there, so that no gate tests nothing."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} does not hold {old!r}"
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def replace_in_both(root, old, new):
    """The same edit in the Markdown and in the notebook's JSON."""
    replace(markdown_of(root), old, new)
    replace(notebook_of(root), json.dumps(old)[1:-1], json.dumps(new)[1:-1])


def change_notebook(root, change):
    """Apply `change` to the notebook's JSON."""
    notebook = json.loads(notebook_of(root).read_text(encoding="utf-8"))
    change(notebook)
    notebook_of(root).write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def code(notebook):
    """The code cells of a notebook's JSON."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def figure_cell(notebook):
    """The cell with the figure."""
    return next(
        cell
        for cell in code(notebook)
        if any("image/png" in output.get("data", {}) for output in cell["outputs"])
    )


# Faults: each plants itself in a copy


def number_in_output(root):
    def change(notebook):
        data = code(notebook)[1]["outputs"][0]["data"]
        for key, lines in data.items():
            data[key] = [
                re.sub(r"\b(0\.\d)(\d)\b", lambda m: m[1] + str((int(m[2]) + 3) % 10), line) for line in lines
            ]

    change_notebook(root, change)


def integer_in_output(root):
    change_notebook(root, lambda notebook: replace_output(code(notebook)[-1], str.isdigit, "91"))


def replace_output(cell, matches, text):
    data = cell["outputs"][0]["data"]
    assert matches("".join(data["text/plain"]))
    data["text/plain"] = [text]


def decimals_in_output(root):
    change_notebook(
        root,
        lambda notebook: replace_output(
            code(notebook)[-3], lambda text: re.fullmatch(r"\d\.\d\d", text), "0.7"
        ),
    )


def figure(root):
    def change(notebook):
        data = figure_cell(notebook)["outputs"][0]["data"]
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        ImageDraw.Draw(picture).line([(300, 100), (700, 300)], fill="red", width=6)
        buffer = io.BytesIO()
        picture.save(buffer, "png")
        data["image/png"] = base64.b64encode(buffer.getvalue()).decode()

    change_notebook(root, change)


def no_figure(root):
    change_notebook(root, lambda notebook: figure_cell(notebook).update(outputs=[]))


def no_alternative_text(root):
    change_notebook(root, lambda notebook: figure_cell(notebook)["metadata"].pop("mystnb"))


def output_removed(root):
    change_notebook(root, lambda notebook: code(notebook)[1].update(outputs=[]))


def warning_in_output(root):
    warning = {"output_type": "stream", "name": "stderr", "text": ["FutureWarning: this will change\n"]}
    change_notebook(root, lambda notebook: code(notebook)[1]["outputs"].append(warning))


def never_executed(root):
    change_notebook(
        root, lambda notebook: [cell.update(execution_count=None, outputs=[]) for cell in code(notebook)]
    )


def traces_of_jupyterlab(root):
    change_notebook(root, lambda notebook: notebook["metadata"].update(language_info={"name": "python"}))


def second_kernel_run(root):
    change_notebook(root, lambda notebook: code(notebook)[2].update(execution_count=17))


def in_markdown(old, new):
    """A fault that edits the Markdown only."""
    return lambda root: replace(markdown_of(root), old, new)


def in_both(old, new):
    """A fault that edits Markdown and notebook alike."""
    return lambda root: replace_in_both(root, old, new)


def in_file(name, old, new):
    """A fault that edits another file of the copy."""
    return lambda root: replace(root / name, old, new)


def appended(name, text):
    """A fault that adds text to a file of the copy."""
    return lambda root: (root / name).write_text(
        (root / name).read_text(encoding="utf-8") + text, encoding="utf-8"
    )


def removed(name):
    """A fault that deletes a file of the copy."""
    return lambda root: (root / name).unlink()


def in_card(change):
    """A fault in the data card: `change` alters it as a dictionary."""

    def plant(root):
        path = root / "datasets" / "transactions.yml"
        card = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(card)
        path.write_text(yaml.safe_dump(card), encoding="utf-8")

    return plant


def untrue(card):
    card["ground_truth"].insert(0, {"says": "Half are fraud.", "check": "df.is_fraud.mean() > 0.5"})


def corrupted_csv(root):
    path = root / "datasets" / "transactions.csv"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def in_question(**fields):
    """A fault in the fourth question: fields with other values, or, with None, gone."""

    def plant(root):
        path = root / "datasets" / "questions.yml"
        questions = yaml.safe_load(path.read_text(encoding="utf-8"))
        questions[3] = {key: value for key, value in (questions[3] | fields).items() if value is not None}
        path.write_text(yaml.safe_dump(questions, sort_keys=False), encoding="utf-8")

    return plant


def other_builder_seed(root):
    path = root / "datasets" / "transactions.py"
    path.write_text(
        re.sub(r"^SEED = \d+", "SEED = 987", path.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8"
    )


SAMPLE = "chapters/foundations/sample.ipynb"


def glossary_out_of_order(root):
    """The course's own glossary, its first two terms swapped."""
    text = (ROOT / "chapters" / "practice" / "glossary.md").read_text(encoding="utf-8")
    first, second = re.findall(r"^\*\*.+$", text, flags=re.M)[:2]
    swapped = text.replace(second, first, 1).replace(first, second, 1)
    (root / "chapters" / "practice").mkdir(exist_ok=True)
    (root / "chapters" / "practice" / "glossary.md").write_text(swapped, encoding="utf-8")


FAULTS = {
    # what is stored is what runs
    "a number changed in a stored output": (number_in_output, SAMPLE, "Cell outputs differ"),
    "an integer changed in a stored output": (integer_in_output, SAMPLE, "Cell outputs differ"),
    "a stored float with fewer decimals": (decimals_in_output, SAMPLE, "Cell outputs differ"),
    "a line drawn into a stored figure": (figure, SAMPLE, "figure differs visibly"),
    "a stored figure removed": (no_figure, SAMPLE, "Unexpected output fields"),
    "a stored output removed": (output_removed, SAMPLE, "Unexpected output fields"),
    "a claim that is false": (
        in_both("3 * standard_error > 0.5", "3 * standard_error > 500"),
        SAMPLE,
        "ridge lowers the mean squared error",
    ),
    "a kernel that dies": (
        in_both("differences.mean() / 2", "__import__('os')._exit(1)"),
        SAMPLE,
        "the kernel died",
    ),
    "a server that the notebook leaves running": (
        in_both(
            "held, tried = 10, 10",
            "__import__('subprocess').Popen([__import__('sys').executable, '-m', 'http.server', '0', '-b', '127.0.0.1'])\n"
            "__import__('time').sleep(3)\nheld, tried = 10, 10",
        ),
        SAMPLE,
        "left 1 process.*http.server",
    ),
    "a process that outlives its notebook": (
        in_both(
            "held, tried = 10, 10",
            "__import__('subprocess').Popen(['sleep', '60'], start_new_session=True)\nheld, tried = 10, 10",
        ),
        SAMPLE,
        "left 1 process.*sleep 60",
    ),
    # the pair
    "code edited and not executed": (
        in_markdown("scale=3", "scale=4"),
        "tests/test_pairing.py",
        "code, style or data changed since the notebook was executed",
    ),
    "prose edited and not synced": (
        in_markdown("a poor witness", "a good witness"),
        "tests/test_pairing.py",
        "is not that of the .md",
    ),
    "the style edited and not executed": (
        in_file("course.mplstyle", "font.size: 12", "font.size: 9"),
        "tests/test_pairing.py",
        "code, style or data changed",
    ),
    "Markdown that jupytext would rewrite": (
        in_markdown("```{code-cell} ipython3\nheld", "```{code-cell}\nheld"),
        "tests/test_pairing.py",
        "JupyterLab would not open the pair",
    ),
    "no notebook": (
        removed(SAMPLE),
        "tests/test_pairing.py",
        "has no notebook beside it: run `make notebooks`",
    ),
    "no Markdown": (
        removed("chapters/foundations/sample.md"),
        "tests/test_pairing.py",
        "has no .md, its source",
    ),
    "a notebook that was never executed": (never_executed, "tests/test_pairing.py", "execution counts"),
    "a cell executed out of order": (second_kernel_run, "tests/test_pairing.py", "execution counts"),
    "a warning in an output": (warning_in_output, "tests/test_pairing.py", "stores standard error"),
    "traces of another front end": (traces_of_jupyterlab, "tests/test_pairing.py", "foreign metadata"),
    "a cell that asks not to be checked": (
        in_both("held, tried = 10, 10", "held, tried = 10, 10  # NBVAL_SKIP"),
        "tests/test_pairing.py",
        "asks nbval to look away",
    ),
    # the chapter
    "a number in prose that no cell shows": (
        in_both("Runs differ by much more", "Runs differ by 3.71 times, much more"),
        "tests/test_chapters.py",
        r"the prose says 3\.71",
    ),
    "a percentage in prose that no cell shows": (
        in_both("poor witness", "poor witness in 43% of cases"),
        "tests/test_chapters.py",
        "the prose says 43%",
    ),
    "an output that no run repeats": (
        lambda root: change_notebook(
            root,
            lambda notebook: code(notebook)[1]["outputs"].append(
                {"output_type": "stream", "name": "stdout", "text": "<object at 0x7f0011223344>"}
            ),
        ),
        "tests/test_chapters.py",
        "shows an object at 0x7f0011223344",
    ),
    "a time to read out of thin air": (
        in_both("6 minutes to read", "60 minutes to read"),
        "tests/test_chapters.py",
        "the time to read is 60 stated",
    ),
    "a part missing": (in_both("## Trade-offs", "## Costs"), "tests/test_chapters.py", "headings are"),
    "a question without its answer": (
        in_markdown("paired?\n\n:::{dropdown} Answer", "paired?\n\n:::{note}"),
        "tests/test_chapters.py",
        "questions and 3 answers",
    ),
    "a chapter that is too short": (
        lambda root: None,
        "tests/test_chapters.py",
        "words, between 1500 and 2500",
    ),
    "a solution that is not collapsed": (
        in_markdown("tags: [hide-cell, solution]", "tags: [solution]"),
        "tests/test_chapters.py",
        "solution cell",
    ),
    "a section without a prediction": (
        in_both("**Predict.**", "**Think.**"),
        "tests/test_chapters.py",
        "lacks \\*\\*Predict",
    ),
    "a claim without its sentence": (
        in_both(
            "assert 0.08 < np.mean(differences < 0) < 0.35, (",
            "assert 0.08 < np.mean(differences < 0) < 0.35\nstr(",
        ),
        "tests/test_chapters.py",
        "needs its sentence",
    ),
    "a claim about nothing computed": (
        in_both("assert 0.08 < np.mean(differences < 0) < 0.35, (", "assert 0.08 < 0.1, ("),
        "tests/test_chapters.py",
        "tests nothing that was computed",
    ),
    "a claim cell without its tag": (
        in_markdown(":tags: [claim]\n\nassert false", "assert false"),
        "tests/test_chapters.py",
        "asserts without the tag claim",
    ),
    "a figure without its alternative text": (
        no_alternative_text,
        "tests/test_chapters.py",
        "needs mystnb: image: alt",
    ),
    "a cell that is too long": (
        in_both("held / tried", "held / tried\n" + "held = held\n" * 25),
        "tests/test_chapters.py",
        "longer than 25 lines",
    ),
    "randomness without the seed": (
        in_both("rng = np.random.default_rng(SEED)", "rng = np.random.default_rng()"),
        "tests/test_chapters.py",
        "does not derive from SEED",
    ),
    "a broken link": (
        in_both("(../index.md)", "(../nowhere.ipynb)"),
        "tests/test_chapters.py",
        "leads nowhere",
    ),
    "a broken anchor": (
        in_file("chapters/index.md", "#what-breaks", "#what-shatters"),
        "tests/test_chapters.py",
        "no heading gives this anchor",
    ),
    "a directive that shows as text": (
        in_both(":::{dropdown} Answer", ":::{tab-set} Answer"),
        "tests/test_chapters.py",
        "tab-set",
    ),
    "a role that shows as text": (
        in_both("put an interval", "put {numref}`an` interval"),
        "tests/test_chapters.py",
        "numref",
    ),
    "a diagram without a description": (
        in_both("## What breaks\n", "## What breaks\n\n```mermaid\nflowchart LR\n  a --> b\n```\n"),
        "tests/test_chapters.py",
        "accDescr",
    ),
    "a timing that no claim guards": (
        in_markdown(
            "```{code-cell} ipython3\nheld", "```{code-cell} ipython3\n:tags: [nbval-ignore-output]\n\nheld"
        ),
        "tests/test_chapters.py",
        "must guard it",
    ),
    "a reference without a year": (
        in_both('algorithms", 1998,', 'algorithms",'),
        "tests/test_chapters.py",
        "further reading needs a year",
    ),
    # the data
    "a corrupted CSV": (corrupted_csv, "tests/test_datasets.py", "is not the file its card describes"),
    "a card without a field": (
        in_card(lambda card: card.pop("licence")),
        "tests/test_datasets.py",
        "transactions.yml: 'licence' is a required property",
    ),
    "a ground truth that is not true": (
        in_card(untrue),
        "tests/test_datasets.py",
        "not true: Half are fraud",
    ),
    "a builder that makes other data": (other_builder_seed, "tests/test_datasets.py", "writes other bytes"),
    "a data set without a card": (
        removed("datasets/transactions.yml"),
        "tests/test_datasets.py",
        "transactions.csv has no transactions.yml",
    ),
    "a catalogue out of step": (
        appended("datasets/README.md", "\nMore.\n"),
        "tests/test_datasets.py",
        "run `make catalogue`",
    ),
    "data written by hand without a card": (
        removed("datasets/rubric-card.yml"),
        "tests/test_datasets.py",
        "rubric.yml: .*write rubric-card.yml",
    ),
    "a real file whose address is not pinned": (
        in_file("datasets/real/registry.yml", "d5371f5d83a446ad5673cbcca3b814b926491f8a", "master"),
        "tests/test_reality.py",
        "telco_churn/Telco-Customer-Churn.csv: the address is not pinned",
    ),
    "a claim of which nobody says whether it was tried": (
        in_file("chapters/reality/trials.yml", "winner: [truth, truth]", "winner: [truth]"),
        "tests/test_reality.py",
        "2 claims, 1 entries; say of each claim",
    ),
    # practice
    "a question without its wrong answer": (
        in_question(wrong=None),
        "tests/test_practice.py",
        "questions.yml: [a-z-]+: 'wrong' is a required property",
    ),
    "a question about a chapter that is gone": (
        in_question(topic="foundations/ghost"),
        "tests/test_practice.py",
        "questions.yml: [a-z-]+: there is no chapter foundations/ghost",
    ),
    "an answer with a number that its chapter does not show": (
        in_question(refuted_by="It gained 0.7312."),
        "tests/test_practice.py",
        "questions.yml: [a-z-]+: 0.7312: not shown by foundations/other",
    ),
    "the script of the practice pages edited and not executed": (
        in_file("chapters/practice/practice.js", '"very weak"', '"awful"'),
        "tests/test_pairing.py",
        "practice/mock-interview: code, style or data changed",
    ),
    "practice pages that lead to notebooks instead of pages": (
        in_file("_config.yml", "    practice: _ext\n", ""),
        "tests/test_book.py",
        "practice/.*leads nowhere",
    ),
    "a page of all chapters whose anchors are not told apart": (
        in_file("_config.yml", "    single: _ext\n", ""),
        "tests/test_book.py",
        "anchors stand twice|the book on one page: link .* leads nowhere",
    ),
    "a filter that hides nothing": (
        in_file(
            "chapters/practice/question-bank.ipynb", "article.hidden = Boolean(", "article.title = Boolean("
        ),
        "tests/test_browser.py::test_the_bank_is_filtered_by_topic_level_kind_and_words",
        "Locator expected to have count",
    ),
    "stored progress that is lost": (
        in_file("chapters/practice/mock-interview.ipynb", "store.write(aside, raw)", "Boolean(aside)"),
        "tests/test_browser.py::test_progress_that_cannot_be_read_is_set_aside_and_the_page_works[null]",
        "what was set aside is not what was stored",
    ),
    "light text on light paper": (
        in_file("chapters/practice/question-bank.ipynb", "div.text_html:has(div[data-practice])", "div.none"),
        "tests/test_browser.py::test_text_has_contrast_and_fits_a_telephone[dark-question-bank]",
        "at first, dark: contrast under 4.5",
    ),
    # the book
    "a chapter missing in the table of contents": (
        in_file("_toc.yml", "      - file: chapters/foundations/sample\n", ""),
        "tests/test_book.py",
        "sample is on disk but not in _toc.yml",
    ),
    "a chapter named there and missing on disk": (
        appended("_toc.yml", "      - file: chapters/foundations/ghost\n"),
        "tests/test_book.py",
        "ghost is in _toc.yml but not on disk",
    ),
    "a warning of the build": (
        in_file("_config.yml", "favicon: _static/favicon.svg", "favicon: _static/none.svg"),
        "tests/test_book.py",
        "does not build without warnings",
    ),
    "claims that are not marked in the book": (
        in_markdown(":tags: [claim]", ":tags: [claims]"),
        "tests/test_pairing.py",
        "metadata of cell",
    ),
    # the repository
    "a dependency without a pin": (
        appended("requirements.txt", "tenacity>=9\n"),
        "tests/test_repository.py",
        "name==version",
    ),
    "a pin out of step": (
        in_file("constraints.txt", "scipy==1", "scipy==0"),
        "tests/test_repository.py",
        "scipy should be",
    ),
    "CUDA among the pins": (
        appended("constraints.txt", "nvidia-cudnn-cu12==9.1\n"),
        "tests/test_repository.py",
        "CUDA packages have no place",
    ),
    "an action pinned by its tag only": (
        in_file(".github/workflows/check.yml", "@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "@v6"),
        "tests/test_repository.py",
        "pin actions/checkout@v6",
    ),
    "a Python for Binder that is too old": (
        in_file("runtime.txt", "3.11", "3.8"),
        "tests/test_repository.py",
        "runtime.txt: python-3.8",
    ),
    "a spelling mistake": (
        appended("chapters/index.md", "\nT" + "eh end.\n"),
        "tests/test_repository.py",
        "T" + "eh ==> The",
    ),
    "code that the linter refuses": (
        appended("tools/book.py", "\nimport os\n"),
        "tests/test_repository.py",
        "F401",
    ),
    "a file over 5 MB": (
        lambda root: (root / "datasets" / "big.bin").write_bytes(bytes(5_000_001)),
        "tests/test_repository.py",
        "5 MB are allowed",
    ),
    "a path of one machine": (
        appended("chapters/index.md", "\nSee /" + "home/someone for more.\n"),
        "tests/test_repository.py",
        "exists on one machine only",
    ),
    "a chapter the front page forgets": (
        in_file("chapters/index.md", INDEX, "# Nothing here\n"),
        "tests/test_repository.py",
        "does not link foundations/other.ipynb",
    ),
    "a README that names a target that is gone": (
        appended("README.md", "\nRun `make everything`.\n"),
        "tests/test_repository.py",
        "there is no target",
    ),
    "a README whose plain commands are not those of make": (
        in_file("README.md", "tools/book.py  ", "tools/build.py "),
        "tests/test_repository.py",
        "make does not run `.venv/bin/python tools/build.py`",
    ),
    "a glossary out of order": (glossary_out_of_order, "tests/test_pages.py", "'A/B test' must come before"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_by_a_message_that_names_it(copy, fault):
    plant, where, message = FAULTS[fault]
    if "test_browser" in where and chromium() is None:
        pytest.skip("no Chromium on this machine: the browser tests cannot be tested")
    plant(copy)
    exit_code, output = check(copy, where)
    assert exit_code == 1, f"{fault}: slipped through {where} (exit code {exit_code}):\n{output[-2000:]}"
    assert re.search(message, output), f"{fault}: caught without saying {message!r}:\n{output[-3000:]}"


# Faults that only a browser sees: each plants itself, and all are found in one run
SITE_FAULTS = {
    "a picture from another site": (
        in_file(
            "_templates/layout.html",
            "{%- block scripts_end %}",
            "{%- block scripts_end %}<img src='https://example.org/x.png' alt='x'>",
        ),
        "asks for https://example.org/x.png",
    ),
    "an error in a script": (
        in_file(
            "_templates/layout.html",
            "{%- block scripts_end %}",
            "{%- block scripts_end %}<script>nothing.here()</script>",
        ),
        "the console says .*nothing is not defined",
    ),
    "text too pale to read": (
        appended("_static/course.css", "\n.bd-article p { color: #aaa; }\n"),
        "color-contrast",
    ),
    "a page wider than a telephone": (
        appended("_static/course.css", "\n.bd-article { min-width: 500px; }\n"),
        "pixels wide on a telephone",
    ),
    "focus that nobody sees": (
        appended(
            "_static/course.css",
            "\na:focus-visible { outline: none !important; box-shadow: none !important; }\n",
        ),
        "nobody sees the focus",
    ),
    "answers that are not printed": (
        in_file("_static/course.css", "content-visibility: visible", "content-visibility: hidden"),
        "answers stay folded",
    ),
    "figures that load at once": (in_file("_ext/theme.py", ' loading="lazy"', ""), "loads at once"),
    "pages without a description": (
        in_file("_ext/theme.py", "describe(doctree) if doctree else", ""),
        "describes nothing|same description",
    ),
    "a heavy page": (in_file("tests/test_site.py", "600_000", "60_000"), "the median page has"),
    "another output in JupyterLab": (number_in_output, "JupyterLab gives"),
    "a slow page": (
        in_file("tests/test_site.py", "SLOWEST_RATIO = 1.25", "SLOWEST_RATIO = 0.01"),
        "shows its largest element after",
    ),
}


@pytest.mark.skipif(not chromium(), reason="no Chromium on the PATH")
def test_faults_that_only_a_browser_sees_are_caught(copy):
    for plant, _ in SITE_FAULTS.values():
        plant(copy)
    exit_code, output = check(copy, "tests/test_site.py", "tests/test_lab.py")
    for fault, (_, message) in SITE_FAULTS.items():
        assert re.search(message, output), (
            f"{fault}: slipped through (exit code {exit_code}):\n{output[-5000:]}"
        )


def test_the_unharmed_copy_passes_every_test_that_the_faults_must_fail(copy):
    files = sorted({where for _, where, _ in FAULTS.values()} | {"tests/test_site.py"})
    exit_code, output = check(copy, *files, "-k", "not length_is_that_of_a_chapter")  # the template is short
    assert exit_code == 0, output[-4000:]


def test_no_chapter_at_all_is_a_failure(copy):
    for part in ("foundations", "practice"):
        shutil.rmtree(copy / "chapters" / part)
    exit_code, output = check(copy, "tests/test_pairing.py")
    assert exit_code != 0 and "empty parameter set" in output.lower(), output[-2000:]


# `make notebooks`


def state(root, *arguments):
    """The state that `make notebooks` reports for the copy's chapter."""
    result = make_notebooks(root, *arguments)
    assert result.returncode == 0, result.stderr
    return re.search(r"foundations/sample: (\w+)", result.stdout)[1]


def test_an_unchanged_chapter_is_not_executed_whatever_the_file_times(copy):
    before = notebook_of(copy).read_bytes()
    markdown_of(copy).touch()
    assert state(copy) == "unchanged"
    assert notebook_of(copy).read_bytes() == before


def test_executing_again_gives_the_same_bytes(copy):
    before = notebook_of(copy).read_bytes()
    assert state(copy, "foundations/sample") == "executed"
    assert notebook_of(copy).read_bytes() == before


def test_a_prose_edit_is_synced_without_running(copy):
    replace(markdown_of(copy), "a poor witness", "a weak witness")
    assert state(copy) == "updated"
    assert "a weak witness" in notebook_of(copy).read_text(encoding="utf-8")
    assert check(copy, "tests/test_pairing.py")[0] == 0


def test_a_code_edit_is_executed_and_the_markdown_made_canonical(copy):
    replace(
        markdown_of(copy),
        "```{code-cell} ipython3\nheld, tried = 10, 10",
        "```{code-cell}\nheld, tried = 12, 12",
    )
    assert state(copy) == "executed"
    assert check(copy, "tests/test_pairing.py")[0] == 0


@pytest.mark.parametrize(
    "code, message",
    [
        ("1 / 0", "ZeroDivisionError"),
        ("__import__('os')._exit(1)", "the kernel died"),
        ("__import__('warnings').warn('x')", "standard error"),
    ],
)
def test_a_failing_cell_is_named_and_nothing_is_overwritten(copy, code, message):
    replace(markdown_of(copy), "held / tried", code)
    before, written = notebook_of(copy).read_bytes(), markdown_of(copy).read_bytes()
    result = make_notebooks(copy)
    assert result.returncode == 1
    for part in ("foundations/sample: cell", message, code, "The notebook was left as it was"):
        assert part in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    assert notebook_of(copy).read_bytes() == before and markdown_of(copy).read_bytes() == written


def test_edits_that_only_the_notebook_holds_are_not_overwritten(copy):
    replace(notebook_of(copy), "a poor witness", "a cunning witness")
    before = notebook_of(copy).read_bytes()
    result = make_notebooks(copy)
    assert result.returncode == 1 and "was edited apart from sample.md" in result.stderr
    assert notebook_of(copy).read_bytes() == before


def test_a_notebook_that_is_no_notebook_is_refused_and_left_alone(copy):
    notebook_of(copy).write_text("<<<<<<< HEAD\n", encoding="utf-8")
    result = make_notebooks(copy)
    assert result.returncode == 1 and "cannot be read as a notebook" in result.stderr
    assert notebook_of(copy).read_text(encoding="utf-8") == "<<<<<<< HEAD\n"


def test_an_unknown_chapter_is_refused_with_those_there_are(copy):
    result = make_notebooks(copy, "foundations/simple")
    assert (
        result.returncode == 1
        and "no chapter 'foundations/simple': there are foundations/other, foundations/sample" in result.stderr
    )


def test_changed_data_make_the_chapter_stale(copy):
    replace(markdown_of(copy), "held / tried", 'len(pd.read_csv("../../datasets/tiny.csv"))')
    tiny = copy / "datasets" / "tiny.csv"
    tiny.write_text("a\n1\n")
    assert state(copy) == "executed"
    assert state(copy) == "unchanged"
    tiny.write_text("a\n1\n2\n")
    assert state(copy) == "executed"


def test_make_book_names_a_missing_notebook_in_one_line(copy):
    notebook_of(copy).unlink()
    result = subprocess.run([sys.executable, copy / "tools" / "book.py"], capture_output=True, text=True)
    assert result.returncode == 1
    assert (
        result.stderr.strip()
        == "error: chapters/foundations/sample.md has no notebook beside it: run `make notebooks`"
    )


def test_a_test_that_hangs_is_named(copy):
    (copy / "tests" / "test_hanging.py").write_text(
        "import threading\n\n\ndef test_waits():\n    threading.Event().wait()\n"
    )
    code, output = check(copy, "tests/test_hanging.py", "--timeout=2")
    assert code == 1 and "test_waits" in output and "Timeout" in output, output


def test_a_notebook_that_measures_time_is_set_apart(copy):
    notebook = json.loads(notebook_of(copy).read_text(encoding="utf-8"))
    next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")["metadata"]["tags"] = ["alone"]
    notebook_of(copy).write_text(json.dumps(notebook), encoding="utf-8")
    for marker, wanted, unwanted in [("alone", "sample", "other"), ("not alone", "other", "sample")]:
        code, output = check(copy, "--collect-only", "-m", marker, "chapters")
        assert code == 0 and f"{wanted}.ipynb" in output and f"{unwanted}.ipynb" not in output, output
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert '-m "not alone"' in recipe and "-m alone --numprocesses=0" in recipe, "make test must run both"


def test_gates_cover_every_file_of_tests():
    gated = {Path(where.partition("::")[0]).name for _, where, _ in FAULTS.values()} | {
        "test_site.py",
        "test_lab.py",
    }
    files = {path.name for path in (ROOT / "tests").glob("test_*.py")} - {"test_gates.py", "test_setup.py"}
    assert files <= gated, f"no fault is planted for {sorted(files - gated)}"
