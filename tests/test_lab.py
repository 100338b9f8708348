"""The chapters in JupyterLab, as Binder and `make lab` show them: opened in a browser and run, in a copy.

Outputs must be those that are stored, directives must be rendered, solutions folded, and a .md must open as a notebook.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from threading import Event, Thread
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from course import CHAPTERS, PARTS, ROOT, chromium, code_cells, output_text, read_notebook, tags, toc_files
from playwright.sync_api import sync_playwright

pytestmark = [
    pytest.mark.xdist_group("lab"),
    pytest.mark.skipif(not chromium(), reason="no Chromium on the PATH: JupyterLab was not looked at"),
]
MOST_MEMORY = 2e9  # bytes of the server and all kernels: what Binder gives
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}
RUN = """async () => {
  const lab = window.jupyterapp;
  await lab.commands.execute("notebook:run-all-cells");
  return lab.shell.currentWidget.content.model.toJSON();
}"""
READY = """() => {
  const widget = window.jupyterapp?.shell.currentWidget;
  return widget?.sessionContext?.session?.kernel?.status === "idle" && widget.content.model.cells.length > 5;
}"""


def one_of_each_part():
    """The first chapter of each part that does not measure time, `part/topic`."""
    found = {}
    for name in toc_files():
        part, _, topic = name.removeprefix("chapters/").partition("/")
        if topic and part in PARTS[:4]:
            cells = code_cells(read_notebook(CHAPTERS / part / f"{topic}.ipynb"))
            if "alone" not in tags(cells[0][1]):
                found.setdefault(part, f"{part}/{topic}")
    return list(found.values())[:3]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a copy of the course: its address, the copy, and a function that gives the peak of its memory."""
    root = tmp_path_factory.mktemp("lab")
    for name in ("chapters", "datasets", "jupytext.toml", "course.mplstyle"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    settings = root / "settings" / "@jupyterlab"
    for name, values in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
    ]
    command += [f"--notebook-dir={root / 'chapters'}", "--IdentityProvider.token=", "--expose-app-in-browser"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    places = {
        "JUPYTERLAB_SETTINGS_DIR": settings.parent,
        "JUPYTERLAB_WORKSPACES_DIR": root,
        "JUPYTER_CONFIG_DIR": root,
    }
    log = (root / "log").open("w")
    environment = os.environ | {name: str(path) for name, path in places.items()}
    server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    process, peak, done = psutil.Process(server.pid), [0], Event()

    def watch():
        while not done.wait(0.2):
            try:
                tree = [process, *process.children(recursive=True)]
                peak[0] = max(peak[0], sum(one.memory_info().rss for one in tree))
            except psutil.Error:
                pass

    watcher = Thread(target=watch)
    watcher.start()
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(300):
            try:
                urlopen(f"{address}api/status").close()
                break
            except URLError:
                assert server.poll() is None, (root / "log").read_text()
                time.sleep(0.2)
        yield address, root, lambda: peak[0]
    finally:
        done.set()
        watcher.join()
        tree = process.children(recursive=True)
        server.terminate()
        server.wait(20)
        for child in tree:
            if child.is_running():
                child.kill()
        log.close()


@pytest.fixture(scope="module")
def page(lab):
    """A browser page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        page = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=lab[0])
        page.set_default_timeout(60_000)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def rules(pytestconfig):
    """The conftest.py of the root, which says what counts as the same output."""
    return next(plugin for plugin in pytestconfig.pluginmanager.get_plugins() if hasattr(plugin, "snapped"))


@pytest.mark.parametrize("chapter", one_of_each_part())
def test_a_chapter_runs_in_jupyterlab_and_gives_what_is_stored(page, rules, chapter):
    page.goto(f"lab/tree/{chapter}.ipynb?reset")  # without what was opened before
    page.wait_for_function(READY)
    stored = read_notebook(CHAPTERS / f"{chapter}.ipynb")
    texts = page.locator(".jp-MarkdownCell.jp-mod-rendered")
    page.wait_for_function(
        "count => document.querySelectorAll('.jp-MarkdownCell.jp-mod-rendered').length === count",
        arg=len(stored.cells) - len(code_cells(stored)),
    )
    texts.locator("aside, details").first.wait_for()
    raw = [text for text in texts.all_inner_texts() if ":::" in text or "```" in text]
    assert not raw, f"{chapter}: JupyterLab shows a directive as text: {raw[0][:200]}"
    folded = page.locator(".jp-InputPlaceholder").count()
    solutions = [cell for _, cell in code_cells(stored) if "solution" in tags(cell)]
    assert folded == len(solutions), (
        f"{chapter}: {folded} of {len(solutions)} solutions are folded in JupyterLab"
    )
    cells = [cell for cell in page.evaluate(RUN)["cells"] if cell["cell_type"] == "code"]
    for new, (_, old) in zip(cells, code_cells(stored), strict=True):
        errors = [
            output
            for output in new["outputs"]
            if output["output_type"] == "error" or output.get("name") == "stderr"
        ]
        assert not errors, f"{chapter}: JupyterLab reports {errors[0]} for {old.source[:80]!r}"
        if "nbval-ignore-output" not in tags(old):
            given, kept = joined(new), output_text(old)
            same = rules.snapped(given, kept) == rules.collapsed(kept)
            assert same, f"{chapter}: JupyterLab gives {given!r}, stored is {kept!r}"


def joined(cell):
    """The text that a cell of JupyterLab's model shows."""
    outputs = [
        {
            "text": "".join(output.get("text", "")),
            "data": {
                key: "".join(value)
                for key, value in output.get("data", {}).items()
                if isinstance(value, (str, list))
            },
        }
        for output in cell["outputs"]
    ]
    return output_text({"outputs": outputs})


def test_markdown_opens_as_a_notebook(lab):
    chapter = one_of_each_part()[0]
    with urlopen(f"{lab[0]}api/contents/{chapter}.md?type=notebook") as answer:
        opened = json.load(answer)
    assert len(opened["content"]["cells"]) == len(read_notebook(CHAPTERS / f"{chapter}.ipynb").cells)


def test_jupyterlab_stays_within_what_binder_gives(lab, record_property):
    peak = lab[2]()
    record_property(
        "measured", f"JupyterLab with {len(one_of_each_part())} chapters open: at most {peak / 1e9:.2f} GB"
    )
    assert 0 < peak < MOST_MEMORY, f"JupyterLab and its kernels take {peak / 1e9:.2f} GB"
