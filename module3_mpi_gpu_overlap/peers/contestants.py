"""Everyone who takes part.

APPFL is left out: it comes with Globus, Ray, Weights & Biases and Amazon's clients.
"""

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
