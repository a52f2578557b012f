"""Timing: the threads asked for, autograd as asked for, and caches warm or cold."""

from collections.abc import Callable, Iterator

import pytest
import torch

from module2_openmp_conv import timing
from module2_openmp_conv.contestant import Contestant
from module2_openmp_conv.grid import Cache
from module2_openmp_conv.timing import call_s, calls_filling


@pytest.fixture(autouse=True)
def small_eviction(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(timing, "beyond_caches_bytes", lambda share, times: 4000)
    evicting = timing._evicting  # a test may put another in its place
    evicting.cache_clear()
    yield
    evicting.cache_clear()


def recording(seen: list[object], what: Callable[[], object]) -> Contestant:
    return Contestant(lambda: seen.append(what()), grad=True)


@pytest.mark.parametrize("cache", ["warm", "cold"])
def test_calls_run_on_the_threads_asked_for(cache: Cache) -> None:
    seen: list[object] = []
    call_s(recording(seen, torch.get_num_threads), 3, threads=2, cache=cache)
    assert set(seen) == {2}
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("cache", ["warm", "cold"])
@pytest.mark.parametrize("grad", [True, False])
def test_autograd_is_as_the_contestant_needs_it(cache: Cache, grad: bool) -> None:
    seen: list[object] = []
    contestant = Contestant(lambda: seen.append(torch.is_inference_mode_enabled()), grad=grad)
    call_s(contestant, 1, threads=1, cache=cache)
    assert set(seen) == {not grad}


def test_whoever_is_cold_first_the_next_may_need_autograd() -> None:
    for grad in (False, True, False):
        assert call_s(Contestant(lambda: None, grad=grad), 1, threads=1, cache="cold") > 0


def test_a_sample_takes_at_least_as_long_as_asked() -> None:
    contestant = Contestant(lambda: torch.zeros(10))
    calls = calls_filling(contestant, 2.0, threads=1, cache="warm")
    assert calls > 10
    assert calls_filling(contestant, 2.0, threads=1, cache="cold") == 1


def test_the_caches_are_filled_anew_before_a_cold_call(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class Evicting:
        def add_(self, _: int) -> None:
            events.append("evicted")

    monkeypatch.setattr(timing, "_evicting", Evicting)
    call_s(Contestant(lambda: events.append("called")), 1, threads=1, cache="cold")
    assert events[-2:] == ["evicted", "called"]


@pytest.mark.parametrize(("pool", "pauses"), [("openmp", []), ("another", ["slept"])])
def test_threads_of_another_pool_find_the_cores_free_after_the_eviction(
    pool: str, pauses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    class Evicting:
        def add_(self, _: int) -> None:
            events.append("evicted")

    monkeypatch.setattr(timing, "_evicting", Evicting)
    monkeypatch.setattr(timing.time, "sleep", lambda _: events.append("slept"))
    call_s(Contestant(lambda: events.append("called"), pool=pool), 1, threads=1, cache="cold")
    assert events == ["called", "evicted", *pauses, "called"]
