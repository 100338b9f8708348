"""Create .venv with the pinned dependencies, or do nothing if it is there and current.

Standard library only, and no syntax that an old Python lacks, so that an old Python gets a
sentence and not a traceback. Usage: python3 tools/bootstrap.py
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "installed")
OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_GB = 2.0  # the environment with its downloads, measured at 1.1 GB, with room to build


def python_problem(version):
    """One line on why this Python cannot be used, or None. `version`: (major, minor, ...)."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    return (
        "this is Python {}.{}, the course needs 3.11, 3.12 or 3.13: "
        "install one and name it, for example `make book PYTHON=python3.12`"
    ).format(*version[:2])


def disk_problem(free_bytes):
    """One line on why the disk is too full for .venv, or None. `free_bytes`: free space in bytes."""
    if free_bytes >= NEEDED_GB * 1e9:
        return None
    return "{:.1f} GB free at {}, setting up needs {:.0f} GB: free some space and run the same command again".format(
        free_bytes / 1e9, ROOT, NEEDED_GB
    )


def fingerprint():
    """Hash of what decides the environment: both requirement files and the Python version."""
    digest = hashlib.sha256(repr(sys.version_info[:3]).encode())
    for name in ("requirements.txt", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def current():
    """True if .venv was installed completely from these very files."""
    try:
        with open(STAMP) as file:
            return file.read() == fingerprint()
    except OSError:
        return False


def install():
    """Make .venv and install into it; the stamp is written last, so a broken run is repaired by the next."""
    if os.path.exists(STAMP):
        os.remove(STAMP)
    venv_python = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python")
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    sys.stdout.write("Installing the pinned dependencies into .venv (a few minutes, once) ...\n")
    sys.stdout.flush()
    pip = [venv_python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(pip + ["-r", os.path.join(ROOT, "requirements.txt")], check=True)
    with open(STAMP, "w") as file:
        file.write(fingerprint())


def main():
    """Exit 0 with a current .venv, or 1 after one line that says what to do."""
    if python_problem(sys.version_info):
        return "error: " + python_problem(sys.version_info)
    if current():
        return 0
    problem = disk_problem(shutil.disk_usage(ROOT).free)
    if problem:
        return "error: " + problem
    try:
        install()
    except (subprocess.CalledProcessError, OSError) as error:
        return (
            "error: setting up .venv failed ({}): see the lines above, then run the same command again".format(
                error
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
