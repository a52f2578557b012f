"""Which commit a row is of: the package's checkout, wherever and by whomever it is asked."""

import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from crossscale_results import checkout
from crossscale_results.checkout import git_state, suite_version

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Answers are kept for a process; a test wants its own."""
    for answer in (git_state, suite_version):
        answer.cache_clear()
    yield
    for answer in (git_state, suite_version):
        answer.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the checkout."""
    monkeypatch.setattr(checkout, "checkout", lambda: tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(folder: Path) -> Path:
    """A checkout of one commit."""
    git(folder, "init", "--quiet")
    (folder / "tracked.txt").write_text("one\n")
    git(folder, "add", "tracked.txt")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def test_the_checkout_holds_the_package() -> None:
    assert (checkout.checkout() / "results" / "crossscale_results" / "checkout.py").is_file()


@needs_git
def test_a_clean_checkout_is_its_commit(repository: Path) -> None:
    assert git_state() == (git(repository, "rev-parse", "HEAD")[:12], False)


@needs_git
@pytest.mark.parametrize("staged", [False, True])
def test_a_changed_tracked_file_makes_it_dirty(repository: Path, staged: bool) -> None:
    (repository / "tracked.txt").write_text("two\n")
    if staged:
        git(repository, "add", "tracked.txt")
    assert git_state() == (git(repository, "rev-parse", "HEAD")[:12], True)


@needs_git
def test_results_that_git_does_not_track_leave_it_clean(repository: Path) -> None:
    (repository / "rows.csv").write_text("a\n")
    assert not git_state()[1]


@needs_git
def test_a_git_hooks_variables_do_not_lead_to_the_hooks_repository(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = git(repository, "rev-parse", "HEAD")[:12]
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert git_state() == (revision, False)


@needs_git
def test_the_work_folders_repository_is_not_asked(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = repository / "lib"
    installed.mkdir()
    monkeypatch.setattr(checkout, "checkout", lambda: installed)
    monkeypatch.chdir(repository)
    assert git_state() == ("unknown", False)


def test_outside_a_checkout_the_commit_is_unknown(folder: Path) -> None:
    assert git_state() == ("unknown", False)


@needs_git
def test_a_checkout_without_a_commit_is_unknown(folder: Path) -> None:
    git(folder, "init", "--quiet")
    assert git_state() == ("unknown", False)


def test_without_the_git_program_the_commit_is_unknown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".git").mkdir()
    monkeypatch.setenv("PATH", str(folder))
    assert git_state() == ("unknown", False)


def not_installed(name: str) -> str:
    raise metadata.PackageNotFoundError(name)


def test_the_version_is_the_installed_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: f"1.2.3 of {name}")
    assert suite_version() == "1.2.3 of crossscale-ecg"


def test_a_bare_checkouts_version_is_its_pyprojects(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", not_installed)
    (folder / "pyproject.toml").write_text('[project]\nversion = "4.5.6"\n')
    assert suite_version() == "4.5.6"


def test_a_version_that_nothing_tells_is_unknown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", not_installed)
    assert suite_version() == "unknown"
