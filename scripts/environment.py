"""The Python environment that the suite runs in: found or made, and filled. Standard library only.

Run by whatever Python the user has: an old one, too, must get as far as being told so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
OLDEST_TORCH = (2, 9)
# The version that the suite is tested with; an open range would pull whatever is newest.
TORCH = "torch==2.13.0"
BUILT_FROM = ("pyproject.toml", "module2_openmp_conv/CMakeLists.txt", "module2_openmp_conv/csrc")

# What pip and the compiler print, and what it means; the first that is found is told.
_KNOWN_FAILURES = {
    "No space left on device|Disk quota exceeded": "the disk is full: make room and run again",
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError": (
        "the package index cannot be reached: connect to a network, or install the packages of "
        "pyproject.toml by other means, and run again"
    ),
    "module 2 needs GCC": "module 2 needs GCC: install it, and set CXX=g++",
    "fatal error: Python.h|Development.Module": (
        "Python's headers are missing: install python3-dev or its like"
    ),
}


class SetupError(Exception):
    """Something that the user can mend, in one sentence."""


def prepare(extras: str) -> Path:
    """The Python of an environment that holds the suite and `extras`; made and filled if need be.

    It is the environment that runs this (a virtual or conda one), else `.venv` in the checkout. A
    torch that is there already stays as it is, and so do extras that were asked for before.

    Args:
        extras: names of optional dependencies in pyproject.toml, joined by commas.

    Raises:
        SetupError: no compiler, no network, a full disk, an unfit Python or torch.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(
            f"Python {_dotted(sys.version_info[:2])} is too old: run this with Python "
            f"{_dotted(OLDEST_PYTHON)} or newer"
        )
    _require_compiler()
    python = _environments_python()
    state = python.parent.parent / "crossscale-installed.txt"
    torch = installed_torch(python)
    asked, (built, installed) = set(extras.split(",")), _recorded(state)
    if built == _fingerprint(torch) and asked <= installed:
        return python
    if torch is None:
        pip(python, TORCH)
    elif numbers(torch) < OLDEST_TORCH:
        raise SetupError(
            f"torch {torch} is installed, the suite needs {_dotted(OLDEST_TORCH)} or newer: "
            "upgrade it yourself, so that it keeps its kind (CPU, CUDA, ROCm)"
        )
    constraint = python.parent.parent / "crossscale-constraints.txt"
    torch = installed_torch(python)
    constraint.write_text(f"torch=={torch}\n")
    # Those that were there, too: scripts that ask for fewer leave them in step with the sources.
    together = ",".join(sorted(asked | installed))
    pip(python, "--constraint", str(constraint), "--editable", f"{CHECKOUT}[{together}]")
    state.write_text(f"{_fingerprint(torch)}\n{together}\n")
    return python


def installed_torch(python: Path) -> str | None:
    """The version of torch in that Python's environment, or None."""
    code = "import importlib.metadata as m; print(m.version('torch'))"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(part) for part in version.split(".")[:2])


def _require_compiler() -> None:
    compiler = os.environ.get("CXX", "g++").split()[0]
    if shutil.which(compiler) is None:
        raise SetupError(
            f"the C++ compiler {compiler} was not found: install GCC (package g++), or name it in "
            "CXX"
        )


def _environments_python() -> Path:
    if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ:
        return Path(sys.executable)
    folder = CHECKOUT / ".venv"
    python = folder / "bin" / "python"
    if python.is_file():
        return python
    print(f"making the environment {folder}", flush=True)
    command = [sys.executable, "-m", "venv", str(folder)]
    if installed_torch(Path(sys.executable)):
        # The system's own torch, perhaps built for its accelerator, shall be seen from inside.
        command.insert(3, "--system-site-packages")
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(str(folder), ignore_errors=True)
        raise SetupError(
            _told(made.stdout + made.stderr)
            or "python -m venv failed: install your system's python3-venv package"
        )
    return python


def pip(python: Path, *arguments: str) -> None:
    """`pip install` with these arguments, the last of which is what is installed.

    Raises:
        SetupError: it failed; the message names the likely reason and where its output is.
    """
    print(f"installing {arguments[-1].replace(str(CHECKOUT), '.')}", flush=True)
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=str(CHECKOUT),
    )
    if done.returncode:
        log = python.parent.parent / "crossscale-pip.log"
        log.write_text(done.stdout)
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        reason = _told(done.stdout) or f"pip failed: {(lines or ['no message'])[-1]}"
        raise SetupError(f"{reason} (all of its output: {log})")


def _told(output: str) -> str | None:
    for signs, sentence in _KNOWN_FAILURES.items():
        if any(sign in output for sign in signs.split("|")):
            return sentence
    return None


def _recorded(state: Path) -> tuple[str, set[str]]:
    """The fingerprint of what was installed last, and with which extras; nothing if none was."""
    try:
        built, extras = state.read_text().splitlines()
    except (OSError, ValueError):
        return "", set()
    return built, set(extras.split(","))


def _fingerprint(torch: str | None) -> str:
    """Changes with whatever the installation depends on, but for its extras."""
    digest = hashlib.sha256(str(torch).encode())
    for name in BUILT_FROM:
        path = CHECKOUT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
