"""Write each chapter's notebook from its Markdown, executing only what changed.

usage: python tools/notebooks.py [part/topic ...]     (named chapters are executed in any case)

The .md is the source. A notebook is executed again when its code cells, the figure style or a data
file it names differ, by content, from those its stored outputs came from; otherwise its text is
brought up to date around the outputs it has. Cell ids follow from the position and nothing of
the clock is stored, so the same input gives the same bytes.

A page about the course, such as the list of all claims, reads the other notebooks. It comes after
them, and is executed again when a cell of theirs differs, or one of its own.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_configuration_file
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
STYLE = ROOT / "course.mplstyle"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_TIMEOUT = 300  # seconds


class ChapterError(Exception):
    """A chapter that cannot be written; the message says why and what to do."""


def chapter_sources(root=ROOT):
    """The .md of every chapter, sorted. Pages that stand directly in chapters/ have no code."""
    return sorted(path for path in (root / "chapters").glob("*/*.md") if not path.parent.name.startswith("."))


def name_of(source):
    """`part/topic` of a chapter's path."""
    return f"{source.parent.name}/{source.stem}"


def read_source(source):
    """The notebook that a .md describes, with stable metadata and cell ids and without outputs."""
    notebook = jupytext.read(source)
    normalise(notebook, source)
    return notebook


def normalise(notebook, source):
    """Drop from `notebook`, in place, all that differs between runs, machines and front ends."""
    jupytext_settings = notebook.metadata.get("jupytext", {})
    notebook.metadata = nbformat.from_dict({"jupytext": jupytext_settings, "kernelspec": KERNELSPEC})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name_of(source))[:56].strip("-")
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{slug}-{index:02d}"
        for key in ("collapsed", "execution", "ExecuteTime"):
            cell.metadata.pop(key, None)


def digest(*parts):
    """sha256 of a sequence of byte strings, kept apart by their lengths."""
    result = hashlib.sha256()
    for part in parts:
        result.update(f"{len(part)}:".encode() + part)
    return result.hexdigest()


def code_hash(notebook, source):
    """Hash of what the outputs depend on: the code cells, the figure style, the files they name."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    named = sorted(set(re.findall(r"datasets/[\w.-]+|_toc\.yml", "\n".join(code))))
    beside = sorted(set(re.findall(r"[\w-]+\.(?:txt|js|css)", "\n".join(code))))
    root = source.parents[2]
    files = [
        root / "course.mplstyle",
        *(root / name for name in named),
        *(source.parent / name for name in beside),
    ]
    contents = [path.read_bytes() for path in files if path.is_file()]
    if reads_the_course(notebook):
        contents += [cells_hash(notebook).encode(), *(stored_cells(path) for path in others(source))]
    return digest(*(text.encode() for text in code), *contents)


def reads_the_course(notebook):
    """True for a page about the course: its cells read other notebooks."""
    return any('.ipynb").read_text' in cell.source for cell in notebook.cells if cell.cell_type == "code")


def others(source):
    """The notebooks that a page about the course may read: all but its own and those of the last part, `practice`."""
    notebooks = [path.with_suffix(".ipynb") for path in chapter_sources(source.parents[2]) if path != source]
    return [path for path in notebooks if path.parent.name != "practice" and path.exists()]


def stored_cells(path):
    """What a notebook says of its own cells (`cells_hash`), as bytes. Its outputs may differ with the machine."""
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    return metadata.get("course", {}).get("cells", "").encode()


def cells_hash(notebook):
    """Hash of all cells' sources: tells whether a notebook was edited apart from its .md."""
    return digest(*(f"{cell.cell_type} {cell.source}".encode() for cell in notebook.cells))


def stored(source):
    """The committed notebook beside `source`, or None. Refuses one that holds edits the .md lacks."""
    path = source.with_suffix(".ipynb")
    if not path.exists():
        return None
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        problem = f"{path.name} cannot be read as a notebook ({error}): restore it with git, or delete it"
        raise ChapterError(problem) from None
    known = notebook.metadata.get("course", {}).get("cells")
    if cells_hash(notebook) not in (known, cells_hash(read_source(source))):
        raise ChapterError(
            f"{path.name} was edited apart from {source.name}: to keep the notebook's edits run "
            f"`.venv/bin/jupytext --to md:myst {path.name}` in its folder, to drop them delete {path.name}"
        )
    return notebook


def reuse_outputs(notebook, old):
    """Copy outputs and counts from `old` into `notebook`, code cell by code cell."""
    old_code = [cell for cell in old.cells if cell.cell_type == "code"]
    new_code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for new, before in zip(new_code, old_code, strict=True):
        new.outputs, new.execution_count = before.outputs, before.execution_count


def execute(notebook, source, timeout=CELL_TIMEOUT):
    """Run `notebook` in place, in the chapter's folder. Raises ChapterError with cell, source and error."""
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(source.parent)}},
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    progress = {"index": 0}
    client.on_cell_start = lambda cell, cell_index: progress.update(index=cell_index)
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        cell = notebook.cells[progress["index"]]
        if isinstance(error, CellExecutionError):
            reason = f"{error.ename}: {error.evalue}"
        elif isinstance(error, CellTimeoutError):
            reason = f"took longer than {timeout} s"
        else:
            reason = "the kernel died (out of memory, or a crash in a compiled library)"
        raise ChapterError(f"cell {progress['index']}: {reason}\n{indent(cell.source)}") from None
    refuse_noise(notebook)


def refuse_noise(notebook):
    """Warnings and other standard error never get into a chapter."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise ChapterError(
                    f"cell {index} writes to standard error:\n{indent(output.text)}\n{indent(cell.source)}"
                )


def indent(text):
    """`text` with every line set in by four spaces."""
    return "\n".join("    " + line for line in text.rstrip().splitlines())


def write_if_changed(path, text):
    """Replace the file only if its text differs, and never leave half a file. True if written."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)
    return True


def canonical_markdown(source):
    """The text jupytext itself would write for this .md."""
    config = load_jupytext_configuration_file(str(source.parents[2] / "jupytext.toml"))
    notebook = jupytext.read(source)
    return jupytext.writes(notebook, fmt="md:myst", config=config)


def update(source, force=False):
    """Bring one chapter's pair up to date. Returns "executed", "updated" or "unchanged"."""
    source = Path(source)
    old = stored(source)
    notebook = read_source(source)
    code = code_hash(notebook, source)
    fresh = old is not None and old.metadata.get("course", {}).get("code") == code
    if fresh and not force:
        reuse_outputs(notebook, old)
    else:
        execute(notebook, source)
    normalise(notebook, source)
    notebook.metadata["course"] = {"code": code, "cells": cells_hash(notebook)}
    nbformat.validate(notebook)
    write_if_changed(source, canonical_markdown(source))
    written = write_if_changed(source.with_suffix(".ipynb"), nbformat.writes(notebook) + "\n")
    return "executed" if force or not fresh else "updated" if written else "unchanged"


def choose(names):
    """Pairs (source, forced) for the chapters named, or for all if none is named."""
    sources = {name_of(source): source for source in chapter_sources()}
    unknown = [name for name in names if name not in sources]
    if unknown:
        raise SystemExit(f"error: no chapter {unknown[0]!r}: there are {', '.join(sources) or 'none yet'}")
    return [(sources[name], name in names) for name in (names or sources)]


def main():
    """Update the chapters, several at a time; exit 1 if one could not be written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="part/topic")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.jobs > 1:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # several kernels share the cores
    failed = False
    spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that another thread may hold
    chapters, pages, practice = [], [], []  # the pages about the course come after the notebooks they read
    for source, force in choose(arguments.chapters):
        last = practice if source.parent.name == "practice" else pages
        (last if reads_the_course(jupytext.read(source)) else chapters).append((source, force))
    with ProcessPoolExecutor(arguments.jobs, mp_context=spawn) as pool:
        for lot in filter(None, (chapters, pages, practice)):
            jobs = {pool.submit(update, source, force): source for source, force in lot}
            for job in tqdm(as_completed(jobs), total=len(jobs), unit="chapter"):
                name = name_of(jobs[job])
                try:
                    state = job.result()
                except ChapterError as error:
                    failed = True
                    tqdm.write(f"error: {name}: {error}\n  The notebook was left as it was.", file=sys.stderr)
                else:
                    tqdm.write(f"{name}: {state}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
