"""Sealed files: any damage is found, and a write that fails leaves what was there."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.sealed_file import load_sealed, save_sealed


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sealed") / "state.pt"
    save_sealed(path, {"model": torch.arange(5.0), "round": 3})
    content = load_sealed(path)
    assert content["round"] == 3
    assert content["model"].tolist() == [0, 1, 2, 3, 4]
    return path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_any_flipped_bit_is_found(sealed: bytes, tmp_path: Path, data: st.DataObject) -> None:
    damaged, path = bytearray(sealed), tmp_path / "state.pt"
    damaged[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=r"state\.pt is damaged or was not kept by"):
        load_sealed(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_any_missing_end_and_any_end_too_much_is_found(
    sealed: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(sealed[: data.draw(st.integers(0, len(sealed) - 1))])
    with pytest.raises(UserError, match="damaged"):
        load_sealed(path)
    path.write_bytes(sealed + data.draw(st.binary(min_size=1)))
    with pytest.raises(UserError, match="damaged"):
        load_sealed(path)


def test_code_under_a_seal_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "sprung",)

    save_sealed(tmp_path / "state.pt", {"state": Trap()})
    with pytest.raises(UserError, match="which is not run"):
        load_sealed(tmp_path / "state.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_write_that_fails_leaves_the_file_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.pt"
    save_sealed(path, {"round": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_sealed(path, {"round": 2})
    assert load_sealed(path) == {"round": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]
