"""Commands as a user runs them, each on a short synthetic database, and places that are unfit."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crossscale_data.source import HOME_VARIABLE, Source

CHECKOUT = Path(__file__).resolve().parents[2]
LIMIT_S = 120.0

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


@pytest.fixture
def command(short_synthetic: Source, cache_home: Path) -> Command:
    """`command("-m", "a.module", …)`: Python run so, on the short database, to its end."""

    def run(
        *arguments: str | Path,
        home: Path = cache_home,
        data: Path = short_synthetic.directory,
        start: tuple[str, ...] = (),
    ) -> Done:
        of_data = ["--data-dir", str(data)] if {"-m", "fetch"} & {*arguments} == {"-m"} else []
        return subprocess.run(
            [*start, sys.executable, *map(str, arguments), *of_data],
            # Strict, as where the locale is a language's; in C's Python lets any bytes pass.
            env={**os.environ, HOME_VARIABLE: str(home), "PYTHONIOENCODING": "utf-8:strict"},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=LIMIT_S,
            check=False,
        )

    return run


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A results folder with one table of the reference."""
    folder = tmp_path / "rows"
    folder.mkdir()
    name = "module2_training.csv"
    (folder / name).write_bytes((CHECKOUT / "results" / "reference" / name).read_bytes())
    return folder


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """`mounted("size=64k")`: a new file system in memory with those options."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"mounted-{len(places)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def refusal(command: Command) -> Callable[..., str]:
    """`refusal(…)`, as `command`: the one sentence that it must fail with."""

    def refused(*arguments: str | Path, **options: Any) -> str:
        done = command(*arguments, **options)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("error: ") == 1, done.stderr
        said = done.stderr.splitlines()[-1]
        assert said.startswith("error: "), done.stderr
        return said

    return refused


@pytest.fixture
def training() -> tuple[str, ...]:
    """The quickest training there is."""
    return (
        *("-m", "module1_locality.train", "--models", "tinyecg", "--seeds", "0"),
        *("--recipe.epochs", "1", "--recipe.batch-size", "128", "--threads", "1"),
        *("--device", "cpu"),
    )
