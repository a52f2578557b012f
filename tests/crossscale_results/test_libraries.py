"""Whether a library can be used here, and in which version."""

from pathlib import Path

import numpy as np
import pytest

from crossscale_results.libraries import version_of, why_absent


def test_an_installed_library_is_not_absent_and_has_its_version() -> None:
    assert why_absent("numpy") is None
    assert version_of("numpy") == np.__version__


def test_what_is_not_installed_is_named_and_has_no_version() -> None:
    assert why_absent("no_such_library") == "no_such_library is not installed"
    assert version_of("no-such-library") == "none"


def module_of(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / "half_installed.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    return "half_installed"


def test_what_a_library_itself_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of("import its_own_need", tmp_path, monkeypatch)
    assert why_absent(module) == "its_own_need is not installed"


def test_a_library_that_does_not_fit_the_others_says_how_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of("raise AttributeError('np.float_ was removed')", tmp_path, monkeypatch)
    said = "it cannot be imported beside what is installed: AttributeError"
    assert why_absent(module) == said
