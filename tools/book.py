"""Build the static book with warnings as errors, and print the address of its front page.

usage: python tools/book.py [--page] [--output DIR]

The book comes to DIR/_build/html; with --page all of it on one page, to print or to keep, to DIR/_build/singlehtml.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def toc_files(node):
    """All files that a table of contents, or a part of one, names, in reading order."""
    if isinstance(node, list):
        return [name for entry in node for name in toc_files(entry)]
    below = [name for key in ("parts", "chapters", "sections") for name in toc_files(node.get(key, []))]
    return [node[key] for key in ("root", "file") if key in node] + below


def problems(root=ROOT):
    """One line for each chapter that is not at once on disk, paired and in _toc.yml."""
    named = [
        name.removesuffix(".md").removesuffix(".ipynb")
        for name in toc_files(yaml.safe_load((root / "_toc.yml").read_text()))
    ]
    lines = [
        f"{name} stands twice in _toc.yml: remove one of the two"
        for name in sorted(set(named))
        if named.count(name) > 1
    ]
    on_disk = {}
    for path in sorted((root / "chapters").rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(root).parts)
        if path.suffix in (".md", ".ipynb") and not hidden:
            on_disk.setdefault(path.relative_to(root).with_suffix("").as_posix(), set()).add(path.suffix)
    for name, suffixes in on_disk.items():
        if name.count("/") == 2 and ".ipynb" not in suffixes:
            lines.append(f"{name}.md has no notebook beside it: run `make notebooks`")
        if name not in named:
            lines.append(f"{name} is on disk but not in _toc.yml: add it there, or delete it")
    lines += [
        f"{name} is in _toc.yml but not on disk: write it, or remove the entry"
        for name in named
        if name not in on_disk
    ]
    return lines


def build(output, *options):
    """Run jupyter-book, with further options, into `output`/_build. Returns (exit code, what it printed)."""
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", ROOT, "--path-output", output, "-W", "-n", "--keep-going", "-q", *options]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return result.returncode, result.stdout


def build_page(output):
    """Build all chapters on one page, `output`/_build/singlehtml/index.html. Returns (exit code, what was printed)."""
    code, printed = build(output, "--builder", "singlehtml")
    if not code:  # its links count from the root, but Sphinx writes it where the front page's source lies
        folder = output / "_build" / "singlehtml"
        (folder / "chapters" / "index.html").replace(folder / "index.html")
    return code, printed


def main():
    """Exit 0 with the book built, or 1 after the warnings that prevented it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT)
    parser.add_argument("--page", action="store_true", help="everything on one page")
    arguments = parser.parse_args()
    found = problems()
    if found:
        return "\n".join("error: " + line for line in found)
    code, printed = (build_page if arguments.page else build)(arguments.output)
    if code:
        warnings = [line for line in printed.splitlines() if "WARNING" in line or "ERROR" in line]
        return "\n".join(warnings or [printed]) + "\nerror: the book was not built: mend the warnings above"
    builder = "singlehtml" if arguments.page else "html"
    print((arguments.output / "_build" / builder / "index.html").resolve().as_uri())
    return 0


if __name__ == "__main__":
    sys.exit(main())
