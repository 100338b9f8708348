"""How nbval compares a committed notebook with a new run, which tests share a process, and what may be left.

Text and integers must be equal. A printed float may differ by one unit of its last printed digit,
because another processor may round the other way. Figures, which nbval skips, are decoded and compared.
This file stands in the root because tests/conftest.py is not loaded for chapters/.
"""

import base64
import copy
import io
import os
import re
import urllib.request
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from queue import Empty

import numpy as np
import pooch
import psutil
import pytest
import yaml
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile
from PIL import Image

# Several notebooks run at once; without this their linear algebra fights over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FLOAT = re.compile(r"(?<![\w.])[-+]?\d+\.\d+(?:[eE][-+]?\d+)?(?![\w.])")
BLOCK = 4  # pixels: the side of the squares over which figures are averaged
VISIBLE = 24  # of 255: a square that differs by more has visibly changed
CHANGED_SHARE = 0.002  # a figure has changed if more of its squares than this have

REMEDY = (
    "\nThe chapter no longer gives what is stored. If the change is meant, edit the .md and run "
    "`make notebooks CHAPTER=part/topic`; a stored output is never edited by hand."
)


def same_float(new, stored):
    """True if two printed floats have the same number of decimals and differ by at most one unit of the last."""
    new, stored = Decimal(new), Decimal(stored)
    exponent = stored.as_tuple().exponent
    return new.as_tuple().exponent == exponent and abs(new - stored) <= Decimal(1).scaleb(exponent)


def snapped(new, stored):
    """`new` with runs of spaces collapsed and each float that agrees with its counterpart replaced by it."""
    new, stored = collapsed(new), collapsed(stored)
    counterparts = iter(FLOAT.findall(stored))

    def snap(match):
        counterpart = next(counterparts, None)
        return counterpart if counterpart and same_float(match[0], counterpart) else match[0]

    return FLOAT.sub(snap, new)


def collapsed(text):
    """Text with each run of spaces, or of the dashes of a text table's rule, as one: widths are not content."""
    return re.sub(r"-{3,}", "---", re.sub(r" +", " ", text))


def texts(output):
    """The (container, key) of each text in an output."""
    if output.output_type == "stream":
        return [(output, "text")]
    data = output.get("data", {})
    return [(data, key) for key in data if key.startswith("text/")]


def squares(png):
    """A base64 PNG as grey levels averaged over BLOCK x BLOCK pixels, with its size in pixels."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    grey = Image.alpha_composite(paper, image).convert("RGB")
    return np.asarray(grey.reduce(BLOCK), dtype=float), image.size


def figure_difference(new, stored):
    """One line on how two base64 PNGs differ visibly, or None."""
    (new, new_size), (stored, stored_size) = squares(new), squares(stored)
    if new_size != stored_size:
        return f"a figure of {new_size} pixels, stored with {stored_size}"
    share = (np.abs(new - stored).max(axis=2) > VISIBLE).mean()
    return f"a figure differs visibly in {share:.2%} of its area" if share > CHANGED_SHARE else None


def pictures(outputs):
    """The base64 PNGs of a cell's outputs."""
    return [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]


nbval_compare = IPyNbCell.compare_outputs


def compare_outputs(cell, test, ref, skip_compare=None):
    """nbval's comparison with floats snapped and figures compared. `test`: new outputs, `ref`: stored ones."""
    test, ref = copy.deepcopy(test), copy.deepcopy(ref)
    for new, stored in zip(test, ref):
        for (new_data, key), (stored_data, _) in zip(texts(new), texts(stored)):
            stored_text = stored_data.get(key, "")
            new_data[key] = snapped(new_data[key], stored_text)
            if key in stored_data:
                stored_data[key] = collapsed(stored_text)
    equal = nbval_compare(cell, test, ref, skip_compare)
    if equal:
        new_pictures, stored_pictures = pictures(test), pictures(ref)
        problems = [figure_difference(*pair) for pair in zip(new_pictures, stored_pictures)]
        if len(new_pictures) != len(stored_pictures):
            problems.append(f"{len(new_pictures)} figures, stored with {len(stored_pictures)}")
        cell.comparison_traceback = [problem for problem in problems if problem]
        equal = not cell.comparison_traceback
    if not equal:
        cell.comparison_traceback.append(REMEDY)
    return equal


IPyNbCell.compare_outputs = compare_outputs

nbval_get_message = RunningKernel.get_message


def get_message(kernel, stream, timeout=None):
    """nbval's wait for a message, which ends at once when the kernel has died. `timeout`: seconds."""
    waited = 0
    while True:
        try:
            return nbval_get_message(kernel, stream, timeout=1)
        except Empty:
            waited += 1
            if not kernel.is_alive():
                kernel.stop()  # nbval leaves the channels of a dead kernel open, and their threads running
                raise RuntimeError("the kernel died (out of memory, or a crash in compiled code)") from None
            if timeout is not None and waited >= timeout:
                raise


RunningKernel.get_message = get_message


MARK = "COURSE_NOTEBOOK"  # in the environment of a kernel, and so of every process that its cells start
PATIENCE = 10  # seconds that a process may take to end after its kernel


def started_by(mark):
    """The processes that carry this mark: a notebook's kernel and what its cells have started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.Error, OSError):  # ended meanwhile, or somebody else's
            continue
    return found


def listens(process):
    """True if a process waits for connections."""
    try:
        return any(each.status == psutil.CONN_LISTEN for each in process.net_connections("tcp"))
    except psutil.Error:
        return False


def command(process):
    """The start of a process's command line."""
    try:
        return " ".join(process.cmdline())[:200]
    except psutil.Error:
        return f"process {process.pid}"


nbval_setup, nbval_teardown = IPyNbFile.setup, IPyNbFile.teardown


def setup(notebook):
    """nbval's start of a kernel, marked."""
    os.environ[MARK] = notebook.mark = f"{os.getpid()} {notebook.path}"
    try:
        nbval_setup(notebook)
    finally:
        del os.environ[MARK]


def teardown(notebook):
    """nbval's end of a kernel; fails if the notebook leaves a server when it ends, or any process thereafter."""
    kernel = notebook.kernel.km.provisioner.pid if notebook.kernel and notebook.kernel.is_alive() else None
    before = started_by(notebook.mark) if kernel else []
    left = {process: command(process) for process in before if process.pid != kernel and listens(process)}
    nbval_teardown(notebook)
    for process in psutil.wait_procs(started_by(notebook.mark), timeout=PATIENCE)[1]:
        left[process] = command(process)
        process.kill()
    if left:
        pytest.fail(
            f"{notebook.path.name} left {len(left)} process(es) running: {'; '.join(left.values())}. Stop each in the "
            "cell that starts it, with a context manager, so that it also ends when the cell fails.",
            pytrace=False,
        )


IPyNbFile.setup, IPyNbFile.teardown = setup, teardown


def measures_time(cell):
    """True if the setup cell of this cell's notebook is tagged `alone`."""
    first = next((each for each in cell.parent.nb.cells if each.cell_type == "code"), None)
    return first is not None and "alone" in first.metadata.get("tags", [])


@cache
def reachable(url):
    """True if a file can be fetched from here."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5).close()
    except OSError:
        return False
    return True


@cache
def out_of_reach(path, root):
    """Why a notebook cannot have the real data that it fetches, in one line, or None."""
    registry = root / "datasets" / "real" / "registry.yml"
    entries = re.findall(r'fetch\(\\?"(\w+)\\?"\)', path.read_text(encoding="utf-8"))
    if not entries or not registry.exists():
        return None
    known = yaml.safe_load(registry.read_text(encoding="utf-8"))
    folder = Path(os.environ.get("COURSE_REAL_DATA") or pooch.os_cache("ml-system-design-measured"))
    for file in (file for entry in entries for file in known.get(entry, {}).get("files", [])):
        if not (folder / file["path"]).exists() and not reachable(file["url"]):
            return (
                f"{path.parent.name}/{path.stem} needs {file['path']}: go online once, or set COURSE_REAL_DATA to a "
                "folder that holds the files of datasets/real/registry.yml"
            )
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    """Cells of one notebook share a kernel, so a process; those of a notebook that measures time are marked `alone`.

    The marks are set before pytest selects by them and before xdist reads them. A notebook whose real data cannot be
    had is skipped.
    """
    for item in items:
        if isinstance(item, IPyNbCell):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(item.config.rootpath).as_posix()))
            if measures_time(item):
                item.add_marker(pytest.mark.alone)
            if reason := out_of_reach(item.path, item.config.rootpath):
                item.add_marker(pytest.mark.skip(reason=reason))
    return (yield)


def peak_memory(cell):
    """The most memory in MB that the kernel of this cell's notebook has had so far, or None where nobody says it."""
    try:
        status = Path(f"/proc/{cell.parent.kernel.km.provisioner.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024
    except (OSError, AttributeError, TypeError):
        return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Note the memory of a notebook's kernel with each of its cells."""
    report = yield
    if isinstance(item, IPyNbCell) and call.when == "call":
        report.user_properties.append(("memory", peak_memory(item)))
    return report


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured, the figures they record as the property `measured`, and the slowest chapters."""
    seconds, memory = Counter(), {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, value in getattr(report, "user_properties", []):
            if name == "measured" and report.when == "call":
                terminalreporter.write_line(f"measured: {value}")
            if name == "memory" and report.when == "call":
                chapter = report.nodeid.partition("::")[0]
                seconds[chapter] += report.duration
                memory[chapter] = max(memory.get(chapter, 0), value or 0)
    for chapter, duration in seconds.most_common(8):
        terminalreporter.write_line(
            f"slow: {chapter} {duration:.0f} s, its kernel at most {memory[chapter] or '?'} MB"
        )
    if seconds:
        terminalreporter.write_line(
            f"slow: all {len(seconds)} notebooks {sum(seconds.values()) / 60:.1f} minutes"
        )
