"""The container's file, as far as it can be read: no container engine builds it here."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "scripts" / "container"
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(
    line.split("==")
    for line in (FOLDER / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)


def instructions() -> list[tuple[str, str]]:
    """(keyword, rest) of each instruction, its lines joined."""
    text = (FOLDER / "cuda.Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined]


def all_of(keyword: str) -> list[str]:
    return [rest for name, rest in instructions() if name == keyword]


def extras() -> list[str]:
    (named,) = re.findall(r"'\.\[([\w,-]+)\]'", " ".join(all_of("RUN")))
    return named.split(",")


def test_the_base_is_cudas_and_everything_has_a_version(environment: ModuleType) -> None:
    arguments = dict(rest.split("=", 1) for rest in all_of("ARG"))
    assert re.fullmatch(r"nvidia/cuda:\d+\.\d+\.\d+-base-ubuntu\d+\.\d+", arguments["CUDA_IMAGE"])
    assert all_of("FROM") == ["${CUDA_IMAGE}"]
    assert f"torch=={arguments['TORCH']}" == environment.TORCH
    for install in re.findall(r"pip install [^&]*", " ".join(all_of("RUN"))):
        assert "--constraint scripts/container/constraints.txt" in install


def test_every_dependency_is_pinned_to_what_the_suite_accepts() -> None:
    asked = [*PROJECT["dependencies"]]
    for extra in extras():
        asked += PROJECT["optional-dependencies"][extra]
    requirements = [Requirement(text) for text in asked if not text.startswith("torch>=")]
    assert {requirement.name for requirement in requirements} == set(PINS)
    for requirement in requirements:
        assert requirement.specifier.contains(PINS[requirement.name]), requirement.name


def test_pins_are_what_the_tests_run_with() -> None:
    for name, version in PINS.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that these tests do without
        assert installed.split(".")[0] == version.split(".")[0], name  # as columns may change


def test_what_is_copied_is_there_and_nothing_of_it_is_left_out() -> None:
    sources = [rest.split()[-2] for rest in all_of("COPY")]
    assert sources == ["scripts/container/constraints.txt", "."]
    assert all((CHECKOUT / source).exists() for source in sources)
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files"], capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    ignored = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in ignored if line and not line.startswith("#")]
    for path in listed.stdout.splitlines():
        parents = [path, *map(str, Path(path).parents)]
        for pattern in patterns:
            name = pattern.removeprefix("**/")
            deep = [Path(part).name for part in parents] if pattern != name else parents
            same_depth = [part for part in deep if part.count("/") == name.count("/")]
            assert not any(fnmatch(part, name) for part in same_depth), (path, pattern)


def test_it_does_not_run_as_root_and_what_it_runs_says_the_plan(tmp_path: Path) -> None:
    order = [name for name, _ in instructions()]
    assert all_of("USER") == ["crossscale"]
    assert order.index("USER") < order.index("CMD")
    (command,) = [json.loads(rest) for rest in all_of("CMD")]
    assert command[0] == "python"
    done = subprocess.run(
        [sys.executable, *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dry run: ")
    assert list(tmp_path.iterdir()) == []
