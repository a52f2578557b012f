"""`python -m module1_locality.scale`: feed from a shard twenty times larger, warm and cold."""

import sys

from crossscale_results.cli import run
from module1_locality.scale.config import Scale
from module1_locality.scale.measure import measure_scale
from module1_locality.scale.summary import render_scale


def scale(config: Scale) -> None:
    """Measure, append the raw rows to the results, and print their medians."""
    provenance = measure_scale(config)
    print(render_scale(config.results_dir, provenance.run_id))


if __name__ == "__main__":
    sys.exit(run(Scale, scale, "python -m module1_locality.scale", __doc__ or ""))
