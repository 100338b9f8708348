"""Print the course's own figures: build times, and each chapter's seconds and peak memory.

usage: python tools/bench.py       (judges nothing; figures depend on the machine)
"""

import tempfile
import threading
import time
from pathlib import Path

import book
import psutil
from nbclient import NotebookClient
from notebooks import CELL_TIMEOUT, chapter_sources, name_of, read_source


def timed(function, *arguments):
    """Wall-clock seconds that a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def tree_memory():
    """Resident bytes of all descendants of this process."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def run_chapter(source):
    """Execute a chapter in its own kernel. Returns (seconds, peak megabytes of the kernel and its children)."""
    peak, done = [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            peak[0] = max(peak[0], tree_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    client = NotebookClient(
        read_source(source),
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(source.parent)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    try:
        seconds = timed(client.execute)
    finally:
        done.set()
        watcher.join()
    return seconds, peak[0] / 1e6


def main():
    """Print one table."""
    pages = len(book.toc_files(book.yaml.safe_load((book.ROOT / "_toc.yml").read_text())))
    print(f"{'what':44}{'seconds':>9}{'MB':>8}")
    with tempfile.TemporaryDirectory() as directory:
        front_page = Path(directory) / "_toc.yml"
        front_page.write_text("format: jb-book\nroot: chapters/index\n")
        start_up = timed(book.build, Path(directory) / "front", "--toc", front_page)
        cold = timed(book.build, Path(directory) / "all")
        again = timed(book.build, Path(directory) / "all")
    print(f"{f'book from nothing, {pages} pages':44}{cold:9.1f}")
    print(f"{'  of that a page beyond the front page':44}{(cold - start_up) / (pages - 1):9.2f}")
    print(f"{'book again, nothing changed':44}{again:9.1f}")
    for source in chapter_sources():
        seconds, megabytes = run_chapter(source)
        print(f"{name_of(source):44}{seconds:9.1f}{megabytes:8.0f}")


if __name__ == "__main__":
    main()
