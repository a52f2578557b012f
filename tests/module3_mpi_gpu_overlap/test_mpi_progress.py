"""The self-test of MPI's progress, and the helpers that it chooses from."""

from typing import Any

import pytest

from module3_mpi_gpu_overlap.mpi_progress import best_method, interval_of, polls_of, trials_of
from module3_mpi_gpu_overlap.progress_helper import SHORTEST_INTERVAL_S

pytestmark = pytest.mark.mpi


@pytest.fixture(scope="module")
def told(run_program: Any) -> dict[str, Any]:
    return run_program("progress", 2)


def test_the_three_methods_are_measured_and_one_of_them_is_chosen(told: dict[str, Any]) -> None:
    percents = {method: told[f"{method}_percent"] for method in ("unaided", "polling", "thread")}
    assert all(0 <= percent <= 100 for percent in percents.values())
    assert told["chosen"] == best_method(*percents.values())


@pytest.mark.parametrize(
    ("library", "polling", "thread", "chosen"),
    [
        (95.0, 100.0, 100.0, "library"),
        (0.0, 0.0, 0.0, "polling"),  # nothing was seen to help: polling costs nothing
        (5.0, 80.0, 85.0, "polling"),
        (0.0, 30.0, 90.0, "thread"),
        (60.0, 30.0, None, "library"),
        (20.0, 25.0, None, "polling"),
    ],
)
def test_of_methods_that_hide_as_much_the_least_costly_is_chosen(
    library: float, polling: float, thread: float | None, chosen: str
) -> None:
    assert best_method(library, polling, thread) == chosen


def test_a_requested_method_is_taken_whatever_was_measured(told: dict[str, Any]) -> None:
    assert told["requested"] == ["library", "polling", "thread"]


def test_no_helper_thread_is_left(told: dict[str, Any]) -> None:
    assert "mpi-progress" not in told["threads"]


@pytest.mark.parametrize(("alone_s", "expected"), [(1e-3, 7), (0.2, 4), (1.0, 2), (30.0, 2)])
def test_a_slow_network_gets_fewer_trials(alone_s: float, expected: int) -> None:
    assert trials_of(alone_s) == expected


@pytest.mark.parametrize(
    ("payload_bytes", "local_steps", "expected"),
    [
        (160_000, 50, 10),  # the classifier: polls abound
        (40_000_000, 20, 2),  # ten times the test's message has ten times its polls
        (40_000_000, 1, 1),  # at least the wait's own
        (0, 50, 10),
    ],
)
def test_the_test_polls_as_often_for_each_byte_as_a_round(
    payload_bytes: int, local_steps: int, expected: int
) -> None:
    assert polls_of(payload_bytes, local_steps) == expected


@pytest.mark.parametrize(
    ("message_bytes", "alone_s", "expected"),
    [
        (1 << 22, 1e-3, SHORTEST_INTERVAL_S),  # memory that ranks share
        (1 << 22, 0.64, 0.005),  # 32 KiB are a 128th of it
        (1 << 23, 0.64, 0.0025),
    ],
)
def test_a_thread_calls_mpi_a_few_times_while_a_sockets_buffers_empty(
    message_bytes: int, alone_s: float, expected: float
) -> None:
    assert interval_of(message_bytes, alone_s) == pytest.approx(expected)
