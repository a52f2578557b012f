"""Federated averaging over MPI: real ranks, real patients, and what of a round is communication.

`train` runs one federation, `allreduce` the collective alone, `bench` both over world sizes and
modes. The words that all of them measure in are defined in `timing`. Importing this package loads
no MPI: only `launch.start` does.
"""

import crossscale_results  # noqa: F401 - which answers Ctrl-C, before all that loads slowly
