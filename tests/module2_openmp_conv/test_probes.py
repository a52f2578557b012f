"""Probes of the machine: positive, ordered by instruction set, refused where they make no sense."""

import itertools

import pytest

from module2_openmp_conv import memory, probes
from module2_openmp_conv.extension import kernels, supported_isas
from module2_openmp_conv.memory import beyond_caches_bytes, last_level_cache_bytes
from module2_openmp_conv.probes import memory_array_bytes, probe_rows


def test_wider_instruction_sets_do_not_do_less() -> None:
    isas = supported_isas()
    best = dict.fromkeys(isas, 0.0)
    for _ in range(30):  # in turns, and the best counts: other processes come and go
        for isa in isas:
            best[isa] = max(best[isa], kernels.peak_gflop_per_s(isa, 1, 0.003))
    assert best["portable"] > 0.5  # GFLOP/s; any core does this
    for narrower, wider in itertools.pairwise(best.values()):
        assert wider > 0.8 * narrower


@pytest.mark.parametrize("probe", ["copy", "triad", "fill"])
def test_streams_give_a_rate_for_each_repeat(probe: str) -> None:
    rates = kernels.stream_gb_per_s(probe, 1 << 22, 2, 3)
    assert len(rates) == 3
    assert min(rates) > 0.1


def test_impossible_probes_are_refused() -> None:
    with pytest.raises(ValueError, match="no peak loop for 'sse9'"):
        kernels.peak_gflop_per_s("sse9", 1, 0.01)
    with pytest.raises(ValueError, match="no stream probe 'scale': choose one of copy"):
        kernels.stream_gb_per_s("scale", 1 << 20, 1, 1)
    with pytest.raises(ValueError, match="num_threads"):
        kernels.stream_gb_per_s("copy", 1 << 20, 0, 1)
    with pytest.raises(ValueError, match="array_bytes or repeats"):
        kernels.stream_gb_per_s("copy", 64, 2, 1)


def test_every_probe_has_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_PEAK_S", 0.001)
    rows = list(probe_rows((1, 2), in_memory_bytes=1 << 25, repeats=range(3, 5)))
    assert {row.repeat for row in rows} == {3, 4}
    assert max(row.config.array_bytes for row in rows) == 1 << 25
    assert {row.config.threads for row in rows} == {1, 2}
    peaks = [row for row in rows if row.config.probe == "fma"]
    assert {row.config.isa for row in peaks} == set(supported_isas())
    assert len(peaks) == 2 * 2 * len(supported_isas())
    for row in rows:
        is_peak = row.config.probe == "fma"
        assert (row.measurement.peak_gflop_per_s is not None) == is_peak
        assert (row.measurement.stream_gb_per_s is not None) == (not is_peak)
        assert len(row.not_measured) == 1
    assert {row.config.probe for row in rows} == {"fma", "copy", "triad", "fill"}


def test_arrays_lie_beyond_the_caches_unless_memory_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = last_level_cache_bytes()
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000 * cache)
    assert memory_array_bytes() == (4 * cache, False)
    monkeypatch.setattr(memory, "available_bytes", lambda: 10 * cache)
    size, capped = memory_array_bytes()
    assert capped
    assert size == int(0.08 * 10 * cache)
    assert beyond_caches_bytes(share=0.5, times=2) == 2 * cache
