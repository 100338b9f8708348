"""Real data are fetched by pinned address and hash, never stored here; a notebook without its data says so."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from course import (
    CHAPTERS,
    DATASETS,
    ROOT,
    claims,
    code_cells,
    headings,
    markdown,
    name,
    notebooks,
    output_text,
    read_notebook,
)

REGISTRY = DATASETS / "real" / "registry.yml"
NOTEBOOKS = sorted((CHAPTERS / "reality").glob("*.ipynb"))
checks = [path for path in NOTEBOOKS if path.stem != "index"]
none = pytest.param(None, marks=pytest.mark.skip(reason="there is no reality check"), id="none")
every_check = pytest.mark.parametrize("path", [pytest.param(path, id=name(path)) for path in checks] or [none])
some_check = pytest.mark.parametrize(
    "path", [pytest.param(path, id=name(path)) for path in checks[:1]] or [none]
)
VERDICTS = {"holds", "holds in part", "fails"}
TRIALS = CHAPTERS / "reality" / "trials.yml"
tried_parts = [path for path in notebooks() if path.parent.name in ("foundations", "lifecycle", "cases")]
every_chapter = pytest.mark.parametrize("path", [pytest.param(path, id=name(path)) for path in tried_parts])


def registry():
    """The registry of real files by entry."""
    return yaml.safe_load(REGISTRY.read_text(encoding="utf-8"))


def fetched(path):
    """The registry entries that a notebook fetches."""
    return re.findall(
        r'fetch\("(\w+)"\)', "\n".join(cell.source for _, cell in code_cells(read_notebook(path)))
    )


def verdict_rows(path):
    """The rows of a notebook's last Markdown table, as lists of cells."""
    tables = [
        output_text(cell) for _, cell in code_cells(read_notebook(path)) if cell.source == "table(verdicts)"
    ]
    lines = tables[-1].strip().splitlines() if tables else []
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]


def claims_by_section(notebook):
    """The number of claims under each heading that has some."""
    found, title = {}, None
    at = {index: sum(1 for place, _ in claims(notebook) if place == index) for index, _ in claims(notebook)}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            title = ([title] + [text for level, text in headings(cell.source) if level <= 3])[-1]
        elif index in at:
            found[title] = found.get(title, 0) + at[index]
    return found


def pytest_without_network(*arguments, folder):
    """Run pytest where no file can be fetched. Returns (exit code, output)."""
    dead = "http://127.0.0.1:9"  # nothing listens there
    environment = os.environ | {"COURSE_REAL_DATA": str(folder), "https_proxy": dead, "HTTPS_PROXY": dead}
    command = [sys.executable, "-m", "pytest", "--numprocesses=0", "-p", "no:cacheprovider", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("entry", registry())
def test_registry_pins_source_hash_and_licence(entry):
    fields = registry()[entry]
    assert {"about", "licence", "files"} <= set(fields), f"{entry}: about, licence and files are needed"
    for file in fields["files"]:
        assert set(file) == {"path", "url", "sha256", "bytes"}, f"{entry}: {file.get('path')}: wrong fields"
        assert re.search(r"/[0-9a-f]{40}/", file["url"]), (
            f"{file['path']}: the address is not pinned to a commit"
        )
        assert re.fullmatch(r"[0-9a-f]{64}", file["sha256"]), f"{file['path']}: not a sha256"
        assert file["path"].startswith(f"{entry}/"), (
            f"{file['path']} must lie in a folder named after its entry"
        )


@every_check
def test_notebook_fetches_what_the_registry_has(path):
    assert fetched(path), f"{name(path)} fetches no entry of the registry"
    unknown = set(fetched(path)) - set(registry())
    assert not unknown, f"{name(path)} fetches {unknown}, which datasets/real/registry.yml does not have"


@every_check
def test_notebook_says_where_the_data_come_from_and_what_they_cannot_show(path):
    text = markdown(read_notebook(path))
    assert re.match(r"# .+\n\n:::\{admonition\} The data\n", text), (
        f"{name(path)}: open with the box `The data`"
    )
    box = text.partition(":::\n")[0]
    assert "](https://" in box and "cannot show" in box, (
        f"{name(path)}: the box lacks the source or what is missing"
    )


@every_check
def test_notebook_tries_claims_and_ends_in_verdicts(path):
    titles = [title for level, title in headings(markdown(read_notebook(path))) if level == 2]
    assert titles[-2:] == ["Verdicts", "Not tried, and what the course keeps"], (
        f"{name(path)}: the last two `##` headings are {titles[-2:]}"
    )
    head, _, *rows = verdict_rows(path) or [[], []]
    assert len(rows) >= 6, f"{name(path)}: {len(rows)} verdicts, at least six are wanted"
    column = head.index("verdict")
    for row in rows:
        assert len(row) == len(head) and row[column] in VERDICTS, f"{name(path)}: not a verdict: {row}"
        link = re.fullmatch(r"\[.+\]\((\.\./[\w-]+/[\w-]+\.ipynb)#[\w-]+\)", row[head.index("chapter")])
        assert link and (path.parent / link[1]).exists(), f"{name(path)}: no link to the claim's chapter: {row}"


@every_chapter
def test_of_every_claim_it_is_said_which_notebook_tries_it_or_why_none_does(path):
    chapter = path.relative_to(CHAPTERS).with_suffix("").as_posix()
    trials = yaml.safe_load(TRIALS.read_text(encoding="utf-8"))
    listed = trials["claims"].get(chapter, {})
    for title, number in claims_by_section(read_notebook(path)).items():
        assert len(listed.get(title, [])) == number, (
            f"reality/trials.yml: {chapter}: {title}: {number} claims, {len(listed.get(title, []))} entries; "
            "say of each claim which notebook tries it, or why none does"
        )
    gone = set(listed) - set(claims_by_section(read_notebook(path)))
    assert not gone, f"reality/trials.yml: {chapter}: no claims under {gone}"
    for entry in (entry for entries in listed.values() for entry in entries):
        word, *where = entry.split()
        known = {"near": registry(), "open": registry(), "tried": {check.stem for check in checks}}
        assert word in ["tried", *trials["reasons"]] and set(where) <= set(known.get(word, ())), (
            f"reality/trials.yml: {chapter}: {entry!r} is neither a reason, nor `tried` and notebooks, "
            "nor `near` or `open` and entries of the registry"
        )


def test_claims_are_listed_of_existing_chapters_only():
    trials = yaml.safe_load(TRIALS.read_text(encoding="utf-8"))
    gone = set(trials["claims"]) - {
        path.relative_to(CHAPTERS).with_suffix("").as_posix() for path in tried_parts
    }
    assert not gone, f"reality/trials.yml: there is no chapter {gone}"


@some_check
def test_without_files_and_network_a_notebook_is_skipped_with_the_reason(path, tmp_path):
    code, output = pytest_without_network(str(path), folder=tmp_path)
    assert code == 0 and "SKIPPED" in output and "set COURSE_REAL_DATA" in output, output[-3000:]
    assert f"{name(path)} needs {registry()[fetched(path)[0]]['files'][0]['path']}" in output


@some_check
def test_a_file_with_another_hash_is_refused_by_name_and_left_alone(path, tmp_path):
    files = [file for entry in fetched(path) for file in registry()[entry]["files"]]
    for file in files:
        (tmp_path / file["path"]).parent.mkdir(exist_ok=True)
        (tmp_path / file["path"]).write_text("spoilt")
    code, output = pytest_without_network(str(path), "-x", folder=tmp_path)
    assert code != 0 and f"{files[0]['path']} is not the file of the registry" in output, output[-3000:]
    assert all((tmp_path / file["path"]).read_text() == "spoilt" for file in files), (
        "a refused file was changed"
    )
