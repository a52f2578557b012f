"""The scripts as modules, and a Python that only notes what it is asked to do."""

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

FakePython = Callable[[str], Path]


def load(name: str) -> ModuleType:
    """A script, by its file's name."""
    loader = SourceFileLoader(f"script_{name.removesuffix('.py')}", str(SCRIPTS / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # where dataclasses look for it
    sys.path.insert(0, str(SCRIPTS))  # where a script finds the modules beside it
    try:
        loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`scripts/environment.py`, also for the scripts that import it."""
    module = load("environment.py")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # scripts/ is left as it is
    monkeypatch.setitem(sys.modules, "environment", module)
    return module


@pytest.fixture
def reproduce(environment: ModuleType) -> ModuleType:
    return load("reproduce")


@pytest.fixture
def sanitize_script(environment: ModuleType) -> ModuleType:
    return load("sanitize")


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return load("document")


@pytest.fixture
def wheels(environment: ModuleType) -> ModuleType:
    return load("wheels")


@pytest.fixture
def kill_trials(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # scripts/ is left as it is
    return load("kill_trials")


@pytest.fixture
def fake_python(tmp_path: Path) -> FakePython:
    """`fake_python(body)`: an environment whose Python appends its arguments to `calls.txt`
    beside it, then runs the shell commands of `body`."""

    def make(body: str) -> Path:
        binaries = tmp_path / "env" / "bin"
        binaries.mkdir(parents=True)
        python = binaries / "python"
        python.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls.txt"\n{body}\n')
        python.chmod(0o755)
        return python

    return make


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], list[str]]:
    """What the fake Python was asked to do so far."""
    noted = tmp_path / "calls.txt"
    return lambda: noted.read_text().splitlines() if noted.exists() else []
