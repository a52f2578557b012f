"""Which code is running: the suite's version, and the commit of the checkout that holds it."""

import os
import subprocess
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "crossscale-ecg"
UNKNOWN = "unknown"


@cache
def suite_version() -> str:
    """Version of the installed distribution, else of the bare checkout's pyproject.toml."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        pyproject = checkout() / "pyproject.toml"
        if not pyproject.is_file():
            return UNKNOWN
        return str(tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"])


@cache
def git_state() -> tuple[str, bool]:
    """Commit of the checkout that holds this package, and whether tracked files differ from it.

    It is the package's checkout, not the work folder's. Outside a checkout, as in an installed
    wheel, or where git cannot tell, it is `unknown` and not dirty.
    """
    if not (checkout() / ".git").exists():
        return UNKNOWN, False
    try:
        revision = _git("rev-parse", "--short=12", "HEAD")
        return revision, bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN, False


def checkout() -> Path:
    """The folder that holds the package's `results` folder, in a checkout its root."""
    return Path(__file__).resolve().parents[2]


def _git(*arguments: str) -> str:
    # A git hook sets GIT_DIR and the like, which would name the hook's repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(checkout()), *arguments]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, timeout=30
    )
    return done.stdout.strip()
