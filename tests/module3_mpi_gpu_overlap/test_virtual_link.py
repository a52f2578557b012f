"""A link from a user's words, and how it is shaped."""

import pytest

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.virtual_link import Link, link_of, shaping


@pytest.mark.parametrize(
    ("rate", "bits", "shown"),
    [
        ("unshaped", None, "unshaped"),
        ("100mbit", 100_000_000, "100 Mbit/s"),
        ("2.5Gbit", 2_500_000_000, "2.5 Gbit/s"),
        ("500kbit", 500_000, "500 kbit/s"),
        ("0.5kbit", 500, "500 bit/s"),
    ],
)
def test_rates_are_read_as_tc_writes_them(rate: str, bits: int | None, shown: str) -> None:
    assert link_of(rate) == Link(bits)
    assert str(link_of(rate)) == shown


def test_delay_and_loss_are_told() -> None:
    assert str(link_of("1gbit", 2.5, 0.1)) == "1 Gbit/s, 2.5 ms, 0.1 % loss"
    assert str(link_of("1gbit", mtu_bytes=9000)) == "1 Gbit/s, MTU 9000"


@pytest.mark.parametrize("mtu_bytes", [575, 65_001])
def test_packets_that_cannot_be_are_refused(mtu_bytes: int) -> None:
    with pytest.raises(UserError, match="--mtu-bytes must be from 576 to 65000"):
        link_of("1gbit", mtu_bytes=mtu_bytes)


def test_the_bucket_holds_two_of_the_largest_packets() -> None:
    (arguments,) = shaping(link_of("1mbit", mtu_bytes=9000))
    assert arguments[arguments.index("burst") + 1] == str(2 * 9014)


@pytest.mark.parametrize("rate", ["", "fast", "100", "100mb", "0mbit", "-1mbit", "1e3mbit"])
def test_what_is_no_rate_is_refused(rate: str) -> None:
    with pytest.raises(UserError, match="write it as 100mbit"):
        link_of(rate)


@pytest.mark.parametrize(("delay_ms", "loss"), [(-1.0, 0.0), (0.0, 100.0), (float("nan"), 0.0)])
def test_a_delay_or_loss_out_of_range_is_refused(delay_ms: float, loss: float) -> None:
    with pytest.raises(UserError, match="--delay-ms"):
        link_of("1mbit", delay_ms, loss)


def test_an_unshaped_cable_is_left_as_it_is() -> None:
    assert shaping(link_of("unshaped")) == []


def test_a_bucket_holds_a_tenth_of_a_millisecond_and_two_packets_at_least() -> None:
    bursts = {}
    for rate in ("1mbit", "100mbit", "1gbit"):
        (arguments,) = shaping(link_of(rate))
        assert arguments[0] == "root"
        bursts[rate] = int(arguments[arguments.index("burst") + 1])
    assert bursts == {"1mbit": 2 * 1514, "100mbit": 2 * 1514, "1gbit": 12_500}


def test_delay_comes_before_the_rate_it_is_the_parent_of() -> None:
    netem, bucket = shaping(link_of("10mbit", delay_ms=5))
    assert netem[:4] == ["root", "handle", "1:", "netem"]
    assert netem[netem.index("delay") + 1] == "5ms"
    assert bucket[:2] == ["parent", "1:1"]
