"""Setting up either works or says in one line what to do."""

import subprocess
from pathlib import Path

import bootstrap
import pytest
from course import ROOT


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 14)])
def test_an_unsuitable_python_is_refused_in_one_line(version, monkeypatch):
    monkeypatch.setattr(bootstrap.sys, "version_info", (*version, 0))
    message = bootstrap.main()
    assert message.startswith("error: ") and "\n" not in message
    assert f"this is Python {version[0]}.{version[1]}" in message and "make book PYTHON=" in message


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_suitable_python_is_accepted(version):
    assert bootstrap.python_problem(version) is None


@pytest.fixture
def empty_copy(tmp_path, monkeypatch):
    """A root with the requirement files and no .venv; bootstrap works there."""
    for name in ("requirements.txt", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "STAMP", str(tmp_path / ".venv" / "installed"))
    return tmp_path


def test_a_full_disk_is_refused_in_one_line_before_anything_is_written(empty_copy, monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5 * 10**8})())
    message = bootstrap.main()
    assert message.startswith("error: 0.5 GB free") and "free some space" in message and "\n" not in message
    assert not (empty_copy / ".venv").exists()


def test_a_broken_installation_is_reported_and_repaired_by_the_next_run(empty_copy, monkeypatch):
    def fails_half_way():
        (empty_copy / ".venv").mkdir()
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(bootstrap, "install", fails_half_way)
    message = bootstrap.main()
    assert message.startswith("error: setting up .venv failed") and "run the same command again" in message
    assert not bootstrap.current(), "half an environment must not count as one"


def test_a_changed_pin_makes_the_environment_stale(empty_copy):
    (empty_copy / ".venv").mkdir()
    (empty_copy / ".venv" / "installed").write_text(bootstrap.fingerprint())
    assert bootstrap.current()
    with (empty_copy / "constraints.txt").open("a") as file:
        file.write("some-package==1.0\n")
    assert not bootstrap.current()


def test_bootstrap_is_readable_by_an_old_python():
    source = (Path(bootstrap.__file__)).read_text(encoding="utf-8")
    compile(source, "bootstrap.py", "exec", dont_inherit=True)
    too_new = [sign for sign in ('f"', ":=", "flush=") if sign in source]
    assert not too_new, f"tools/bootstrap.py: {too_new}: it must start on any Python, to say that it is too old"


def test_make_lists_its_targets():
    listing = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory"], capture_output=True, text=True, check=True
    ).stdout
    for target in ("book", "test", "notebooks", "bench", "lab", "clean"):
        assert f"make {target} " in listing, f"`make` does not list {target}"
