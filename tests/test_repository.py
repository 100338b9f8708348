"""The repository is small, clean, pinned, and says the same thing everywhere."""

import re
import subprocess
import sys
from pathlib import Path

import address
import pytest
import yaml
from course import CHAPTERS, PARTS, ROOT, headings, links, markdown, name, read_markdown, sources, toc_files


def tracked():
    """The files of the repository: those git tracks, or, outside git, all that are not ignored by name."""
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True
    )
    if listing.returncode == 0 and listing.stdout:
        return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]
    skipped = {".venv", "_build", ".git", ".pytest_cache", ".ruff_cache", "__pycache__"}
    return [
        path for path in ROOT.rglob("*") if path.is_file() and not skipped & set(path.relative_to(ROOT).parts)
    ]


def run(*command):
    """Exit code and output of a tool of this environment, run in the root."""
    tool = Path(sys.executable).with_name(command[0])
    result = subprocess.run([tool, *command[1:]], cwd=ROOT, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def requirements():
    """(name, version, reason) of each line of requirements.txt."""
    lines = [
        line
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    ]
    parsed = [re.fullmatch(r"([\w.-]+)==([\w.]+)\s+# (.{10,})", line) for line in lines]
    for line, match in zip(lines, parsed):
        assert match, f"requirements.txt: {line!r}: write `name==version  # the reason`"
    return [match.groups() for match in parsed]


def constraints():
    """Pinned version by package name, as constraints.txt has it."""
    found = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "constraints.txt").read_text(), flags=re.M)
    return {package.lower().replace("_", "-"): version for package, version in found}


def test_every_dependency_is_pinned_once_and_has_its_reason():
    pinned = constraints()
    for package, version, _ in requirements():
        assert pinned.get(package.lower()) == version, (
            f"constraints.txt: {package} should be {version}: run `make constraints`"
        )


def test_constraints_hold_one_version_a_package_and_no_cuda():
    text = (ROOT / "constraints.txt").read_text()
    packages = re.findall(r"^([\w.-]+)==", text, flags=re.M)
    twice = {package for package in packages if packages.count(package) > 1}
    assert not twice, f"constraints.txt: two versions of {sorted(twice)}: all Pythons must share one"
    assert not re.search(r"^(nvidia|triton|cuda)", text, flags=re.M), (
        "constraints.txt: CUDA packages have no place here"
    )


def test_code_passes_the_linter():
    code, output = run("ruff", "check", "--no-cache", ".")
    assert code == 0, output[-3000:]


def test_code_is_formatted():
    code, output = run(
        "ruff", "format", "--no-cache", "--check", "tools", "tests", "datasets", "_ext", "conftest.py"
    )
    assert code == 0, output[-3000:] + "run `.venv/bin/ruff format tools tests datasets _ext conftest.py`"


def test_spelling():
    files = [str(path) for path in tracked() if path.suffix in (".md", ".py", ".yml", ".toml", ".cff", ".css")]
    assert files, "no files to check"
    code, output = run("codespell", *files)
    assert code == 0, output[-3000:]


def test_no_file_is_large():
    for path in tracked():
        assert path.stat().st_size <= 5_000_000, (
            f"{path.relative_to(ROOT)} has {path.stat().st_size / 1e6:.1f} MB, 5 MB are allowed"
        )


def test_nothing_built_is_in_the_repository():
    for path in tracked():
        template = path.is_relative_to(ROOT / "_templates")
        assert template or path.suffix not in (".html", ".pyc", ".pkl", ".parquet"), (
            f"{path.relative_to(ROOT)} is built, not written: remove it"
        )


def test_no_path_of_a_machine_is_in_a_text():
    for path in tracked():
        if (
            path.suffix in (".md", ".py", ".yml", ".toml", ".txt", ".ipynb", ".css")
            and path != Path(__file__).resolve()
        ):
            found = re.search(
                r"(?<![\w.:/])/(?:home|root|Users|tmp|work|opt)/\w+", path.read_text(encoding="utf-8")
            )
            assert not found, f"{path.relative_to(ROOT)}: {found and found[0]} exists on one machine only"


def test_readme_starts_with_the_two_commands_and_a_picture():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first_fence = re.search(r"```(?:bash|sh)\n(.*?)```", text, flags=re.S)
    assert first_fence and "make book" in first_fence[1] and "make test" in first_fence[1], (
        "README.md: the first code block holds make book and make test"
    )
    pictures = [link for link in links(text) if link.endswith((".png", ".svg", ".webp"))]
    assert pictures, "README.md: a picture of a chapter is missing"
    for link in links(text):
        assert link.startswith("https://") or (ROOT / link.partition("#")[0]).exists(), (
            f"README.md: {link} leads nowhere"
        )


def test_the_commands_without_make_are_those_that_make_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Without make.*?```bash\n(.*?)```", text, flags=re.S)[1]
    commands = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert commands[:2] == ["python -m venv .venv", ".venv/bin/python -m pip install -r requirements.txt"]
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(PY)", ".venv/bin/python")
    for command in commands[2:]:
        assert command in recipes, f"README.md: make does not run `{command}`"


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documents_name_only_targets_that_exist(document):
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), flags=re.M))
    assert targets, "the Makefile has no documented target"
    text = (ROOT / document).read_text(encoding="utf-8")
    commands = re.findall(r"^```.*?^```|`[^`]*`", text, flags=re.S | re.M)
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(commands)))
    assert named <= targets, f"{document}: there is no target {sorted(named - targets)}"


def test_front_page_links_every_chapter():
    text = (CHAPTERS / "index.md").read_text(encoding="utf-8")
    linked = {link.partition("#")[0] for link in links(text)}
    for source in sources():
        assert f"{name(source)}.ipynb" in linked, f"chapters/index.md does not link {name(source)}.ipynb"


def test_table_of_contents_is_in_the_order_of_the_parts():
    order = [PARTS.index(entry.split("/")[1]) for entry in toc_files() if entry.count("/") == 2]
    assert order == sorted(order), "_toc.yml: the parts are not in their order"


def test_contributing_and_template_name_the_same_parts():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for level, title in headings(markdown(read_markdown(CHAPTERS / "_template.md"))):
        if level == 2 and title in (
            "What breaks",
            "Trade-offs",
            "In the interview",
            "Check yourself",
            "Exercises",
            "Further reading",
        ):
            assert title in text, f"CONTRIBUTING.md does not explain the part {title!r}"


def test_citation_file_names_the_book():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert citation["title"] == config["title"], "CITATION.cff and _config.yml give different titles"
    assert {"cff-version", "message", "authors", "license"} <= set(citation), (
        "CITATION.cff lacks a required field"
    )


@pytest.mark.parametrize(
    "environment, remote, expected",
    [
        ({"GITHUB_REPOSITORY": "a/b"}, "https://github.com/c/d.git", "https://github.com/a/b"),
        ({}, "https://github.com/c/d.git", "https://github.com/c/d"),
        ({}, "git@github.com:c/d.git", "https://github.com/c/d"),
        ({}, "https://example.org/c/d.git", None),
        ({}, None, None),
    ],
)
def test_the_address_of_the_repository_is_found_or_left_out(environment, remote, expected, tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    if remote:
        subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    assert address.repository(environment, tmp_path) == expected


def test_actions_are_pinned_by_commit():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for action in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action), (
                f"{path.name}: pin {action} as `name@commit # version`"
            )


def test_binder_gets_a_python_that_the_course_supports():
    version = (ROOT / "runtime.txt").read_text(encoding="utf-8").strip()
    assert version in ("python-3.11", "python-3.12", "python-3.13"), f"runtime.txt: {version}"
