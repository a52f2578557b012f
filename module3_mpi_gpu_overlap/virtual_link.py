"""The link of a virtual host: its rate, and delay and loss where the kernel can make them.

Both ends of the cable are shaped, so a host sends and receives at the rate at the same time, as on
a switched network. `tc-tbf` is a token bucket: its bucket holds a few packets only, because
whatever it holds passes unshaped after a pause.
"""

import re
from dataclasses import dataclass

from crossscale_results.errors import UserError

MTU_BYTES = 1500
FEWEST_MTU_BYTES, MOST_MTU_BYTES = 576, 65_000
ETHERNET_BYTES = 14
UNSHAPED = "unshaped"
LONGEST_QUEUE_MS = 200  # of a port of the switch, before it drops
BUCKET_S = 1e-4
_UNITS = {"kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
_SHOWN = (("Gbit", 10**9), ("Mbit", 10**6), ("kbit", 10**3), ("bit", 1))


@dataclass(frozen=True)
class Link:
    """One cable, the same in both directions."""

    rate_bit_per_s: int | None  # None: as fast as the kernel copies
    delay_ms: float = 0.0  # added to each direction
    loss_percent: float = 0.0
    mtu_bytes: int = MTU_BYTES  # of a packet, its Ethernet header not counted

    def __str__(self) -> str:
        """As rows tell it: `100 Mbit/s, 5 ms`."""
        parts = [UNSHAPED if self.rate_bit_per_s is None else _shown(self.rate_bit_per_s)]
        if self.delay_ms:
            parts.append(f"{self.delay_ms:g} ms")
        if self.loss_percent:
            parts.append(f"{self.loss_percent:g} % loss")
        if self.mtu_bytes != MTU_BYTES:
            parts.append(f"MTU {self.mtu_bytes}")
        return ", ".join(parts)

    @property
    def needs_netem(self) -> bool:
        """Whether the kernel must have the netem discipline."""
        return bool(self.delay_ms or self.loss_percent)


def link_of(
    rate: str, delay_ms: float = 0.0, loss_percent: float = 0.0, mtu_bytes: int = MTU_BYTES
) -> Link:
    """A link from a user's words: rates as `tc` writes them (`100mbit`), or `unshaped`.

    Raises:
        UserError: a rate that is none, or a number out of its range.
    """
    bits = None
    if rate != UNSHAPED:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(kbit|mbit|gbit)", rate.lower())
        if not found or float(found[1]) == 0:
            raise UserError(
                f"--rate {rate} is no rate: write it as 100mbit, 2.5gbit, 500kbit or {UNSHAPED}"
            )
        bits = round(float(found[1]) * _UNITS[found[2]])
    if not 0 <= delay_ms < 10_000 or not 0 <= loss_percent < 100:
        raise UserError("--delay-ms must be in [0, 10000) and --loss-percent in [0, 100)")
    if not FEWEST_MTU_BYTES <= mtu_bytes <= MOST_MTU_BYTES:
        raise UserError(f"--mtu-bytes must be from {FEWEST_MTU_BYTES} to {MOST_MTU_BYTES}")
    return Link(bits, delay_ms, loss_percent, mtu_bytes)


def shaping(link: Link) -> list[list[str]]:
    """Arguments of `tc qdisc add dev DEVICE` for one end of the cable; none if it is as it is."""
    commands, parent = [], ["root"]
    if link.needs_netem:
        netem = ["netem", "limit", "100000"]
        netem += ["delay", f"{link.delay_ms:g}ms"] if link.delay_ms else []
        netem += ["loss", f"{link.loss_percent:g}%"] if link.loss_percent else []
        commands.append([*parent, "handle", "1:", *netem])
        parent = ["parent", "1:1"]
    if link.rate_bit_per_s is not None:
        packets_bytes = 2 * (link.mtu_bytes + ETHERNET_BYTES)
        bucket = max(packets_bytes, round(link.rate_bit_per_s / 8 * BUCKET_S))
        rate = ["rate", f"{link.rate_bit_per_s}bit", "burst", str(bucket)]
        commands.append([*parent, "handle", "2:", "tbf", *rate, "latency", f"{LONGEST_QUEUE_MS}ms"])
    return commands


def _shown(bits: int) -> str:
    name, size = next(unit for unit in _SHOWN if bits >= unit[1] or unit[1] == 1)
    return f"{bits / size:g} {name}/s"
