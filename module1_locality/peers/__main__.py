"""`python -m module1_locality.peers`: other data loaders beside the suite's."""

import sys

from crossscale_results.cli import run
from module1_locality.peers.compare import compare_peers
from module1_locality.peers.config import Peers
from module1_locality.peers.summary import render_peers


def peers(config: Peers) -> None:
    """Measure, append the raw rows to the results, and print their medians."""
    conditions = compare_peers(config)
    print(render_peers(config.results_dir, conditions.provenance.run_id))


if __name__ == "__main__":
    sys.exit(run(Peers, peers, "python -m module1_locality.peers", __doc__ or ""))
