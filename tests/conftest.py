"""What several test files share."""

import book
import pytest


@pytest.fixture(scope="session")
def html(tmp_path_factory):
    """The book built into an empty directory: its root, as a path. Tests that use it are in the group `book`."""
    output = tmp_path_factory.mktemp("book")
    code, printed = book.build(output)
    assert code == 0, f"the book does not build without warnings:\n{printed[-3000:]}"
    return output / "_build" / "html"
