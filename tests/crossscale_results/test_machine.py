"""The machine a row is from: what it is, and never whose."""

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from crossscale_results import machine
from crossscale_results.machine import accelerator, cpu_isa, cpu_model, machine_id, usable_cores

AVX2 = {"avx2", "fma"}
AVX512 = {"avx512f", "avx512vl", "avx512bw", "avx512dq"}
CPU_INFORMATION = """processor\t: 0
model name\t: Example CPU @ 2.00GHz\x20
flags\t\t: fpu avx2 fma sse2

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Answers are kept for a process; a test wants its own."""
    machine._cpu.cache_clear()
    machine_id.cache_clear()
    yield
    machine._cpu.cache_clear()
    machine_id.cache_clear()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `cpuinfo` and `machine-id` are the machine's, once they are there."""
    monkeypatch.setattr(machine, "CPU_INFORMATION", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "MACHINE_SEED", tmp_path / "machine-id")
    (tmp_path / "cpuinfo").write_text(CPU_INFORMATION)
    return tmp_path


@pytest.mark.parametrize(
    ("flags", "isa"),
    [
        (set(), "portable"),
        ({"avx2"}, "portable"),
        ({"fma", "avx"}, "portable"),
        (AVX2, "avx2"),
        (AVX2 | {"avx512f"}, "avx2"),
        (AVX2 | AVX512 - {"avx512dq"}, "avx2"),
        (AVX2 | AVX512, "avx512"),
        (AVX2 | AVX512 | {"avx512vnni"}, "avx512"),
    ],
)
def test_the_isa_is_the_widest_that_the_flags_allow(flags: set[str], isa: str) -> None:
    assert machine.isa_of(frozenset(flags)) == isa


def test_the_kernels_own_words_name_the_cpu(files: Path) -> None:
    assert (cpu_model(), cpu_isa()) == ("Example CPU @ 2.00GHz", "avx2")


@pytest.mark.parametrize(
    "text", [None, "", "processor : 0\nFeatures : fp asimd\n", "model name : Without flags\n"]
)
@pytest.mark.parametrize(
    ("found", "model", "isa"),
    [
        ({"brand_raw": "Other CPU", "flags": sorted(AVX2)}, "Other CPU", "avx2"),
        ({}, "unknown", "portable"),
    ],
)
def test_where_the_kernel_does_not_tell_py_cpuinfo_is_asked(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    found: dict[str, object],
    model: str,
    isa: str,
) -> None:
    (files / "cpuinfo").unlink()
    if text is not None:
        (files / "cpuinfo").write_text(text)
    asked = SimpleNamespace(get_cpu_info=lambda: found)
    monkeypatch.setitem(sys.modules, "cpuinfo", asked)
    assert (cpu_model(), cpu_isa()) == (model, isa)


def test_the_machines_name_is_twelve_hexadecimal_digits_each_time_the_same() -> None:
    first = machine_id()
    machine_id.cache_clear()
    assert machine_id() == first
    assert re.fullmatch("[0-9a-f]{12}", first)


def test_the_machines_name_does_not_hang_on_the_host_name(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = machine_id()
    machine_id.cache_clear()
    monkeypatch.setattr(socket, "gethostname", lambda: "workbench")
    monkeypatch.setenv("HOSTNAME", "workbench")
    assert machine_id() == first


def test_another_machine_has_another_name_that_does_not_hold_the_seed(files: Path) -> None:
    names = [machine_id()]
    for seed in ("0123456789abcdef0123456789abcdef", "f" * 32):
        machine_id.cache_clear()
        (files / "machine-id").write_text(f"{seed}\n")
        names.append(machine_id())
        assert names[-1] not in seed
    machine_id.cache_clear()
    machine._cpu.cache_clear()
    (files / "cpuinfo").write_text(CPU_INFORMATION.replace("Example", "Later"))
    names.append(machine_id())
    assert len(set(names)) == 4


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {1, 5, 7}, raising=False)
    assert usable_cores() == 3


@pytest.mark.parametrize(("count", "expected"), [(6, 6), (None, 1)])
def test_without_affinities_cores_are_all_there_are(
    monkeypatch: pytest.MonkeyPatch, count: int | None, expected: int
) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: count)
    assert usable_cores() == expected


@pytest.mark.skipif(torch.accelerator.is_available(), reason="here is an accelerator")
def test_without_an_accelerator_its_name_is_none() -> None:
    assert accelerator() == "none"


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        (SimpleNamespace(get_device_name=lambda: "Example GPU"), "Example GPU"),
        (SimpleNamespace(), "mps"),
    ],
)
def test_an_accelerator_is_named_by_its_backend_or_else_its_type(
    monkeypatch: pytest.MonkeyPatch, backend: SimpleNamespace, name: str
) -> None:
    def current(check_available: bool = False) -> torch.device:
        return torch.device("mps")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current)
    monkeypatch.setattr(torch, "get_device_module", lambda device: backend)
    assert accelerator() == name
