"""The built book, which several test files read: it is built once."""

import book
import pytest
from bs4 import BeautifulSoup
from course import toc_files


@pytest.fixture(scope="session")
def html(tmp_path_factory):
    """The book built into an empty directory: its root, as a path."""
    output = tmp_path_factory.mktemp("book")
    code, printed = book.build(output)
    assert code == 0, f"the book does not build without warnings:\n{printed[-3000:]}"
    return output / "_build" / "html"


@pytest.fixture(scope="session")
def single(tmp_path_factory):
    """The book on one page, built into an empty directory: the page, as a path."""
    output = tmp_path_factory.mktemp("page")
    code, printed = book.build_page(output)
    assert code == 0, f"the page does not build without warnings:\n{printed[-3000:]}"
    return output / "_build" / "singlehtml" / "index.html"


@pytest.fixture(scope="session")
def built(html):
    """Every page of the table of contents as parsed HTML, by its path without suffix."""
    return {
        name: BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in toc_files()
    }
