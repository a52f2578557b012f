"""Rows of a link sweep that was never run: times that a known network would give."""

from pathlib import Path

from crossscale_results.provenance import collect
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.collective_costs import ALGORITHMS, FLOAT_BYTES, Network, Wire
from module3_mpi_gpu_overlap.link_columns import LINKS, LinkKey, LinkMeasurement

TRUE = {
    "100 Mbit/s": Network(Wire(1e-4, 8e-8), Wire(2e-4, 9e-8), 2e-10),
    "unshaped": Network(Wire(1e-5, 1e-9), Wire(2e-5, 2e-9), 2e-10),
}
SIZES = (3_000, 100_000, 1_000_000)


def write_links(results_dir: Path, profile: str = "quick") -> None:
    """Three samples of everything: the true time, and 2 % to either side of it."""
    rows = []
    for link, network in TRUE.items():
        for size in SIZES:
            sent = size * FLOAT_BYTES
            times = [
                ("ping-pong", "none", 2, network.message.seconds(sent)),
                ("local-reduction", "none", 2, 1e-6 + sent * network.gamma_s),
            ]
            times += [
                ("allreduce", name, world, cost(network, world, sent))
                for name, cost in ALGORITHMS.items()
                for world in (2, 4, 5)
            ]
            rows += [
                _row(link, operation, name, world, sent, i, seconds * (0.98 + 0.02 * i))
                for operation, name, world, seconds in times
                for i in range(3)
            ]
    append_rows(LINKS, results_dir, collect("mitdb", profile), rows)


def _row(
    link: str, operation: str, algorithm: str, world: int, sent: int, i: int, seconds: float
) -> Row:
    shaped = link != "unshaped"
    key = LinkKey(
        link=link,
        link_gb_per_s=0.0125 if shaped else None,
        congestion_control="reno",
        hosts_count=world,
        world_size=world,
        oversubscribed=world > 2,
        operation=operation,  # type: ignore[arg-type]
        algorithm=algorithm,  # type: ignore[arg-type]
        message_bytes=sent,
        sample_index=i,
    )
    reasons = {} if shaped else {"link_gb_per_s": "the link is not shaped"}
    return Row(key, LinkMeasurement(seconds), 0, 0, reasons)
