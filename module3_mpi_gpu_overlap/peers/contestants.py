"""Everyone who takes part, and why one of them cannot.

APPFL is left out: it comes with Globus, Ray, Weights & Biases and Amazon's clients.
"""

from importlib import import_module, metadata

from module3_mpi_gpu_overlap.peers.contestant import Contestant
from module3_mpi_gpu_overlap.peers.flower import FLOWER_DOCUMENTED, FLOWER_FLAT, FLOWER_RAW
from module3_mpi_gpu_overlap.peers.gloo import DDP, GLOO_BY_TENSOR, GLOO_FLAT
from module3_mpi_gpu_overlap.peers.suite_rounds import suite_contestant

REFERENCE = "G0"  # whose average the others' is compared with
CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        suite_contestant("G0", "MPI, blocking, tensor by tensor"),
        suite_contestant("G1", "MPI, blocking, one flat buffer in buckets"),
        *(GLOO_FLAT, GLOO_BY_TENSOR, DDP),
        *(FLOWER_RAW, FLOWER_FLAT, FLOWER_DOCUMENTED),
    )
}


def why_absent(contestant: Contestant) -> str | None:
    """Why a library cannot be used here; None if it can."""
    try:
        import_module(contestant.module)
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed"
    except Exception as error:  # a library that does not fit the others fails in its own way
        return f"it cannot be imported beside what is installed: {type(error).__name__}"
    return None


def version_of(contestant: Contestant) -> str:
    """The installed version; `none` where there is none."""
    try:
        return metadata.version(contestant.distribution)
    except metadata.PackageNotFoundError:
        return "none"
