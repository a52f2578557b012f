"""Module 1: how much of a training step is feeding it, and what data locality buys back.

`rungs.RUNGS` is the ladder, `bench` climbs it, `feed` gives each rung's batches.
"""

import crossscale_results  # noqa: F401 - which answers Ctrl-C, before all that loads slowly
