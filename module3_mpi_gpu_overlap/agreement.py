"""Do all ranks run the same thing, and do they end with the same model?"""

from collections.abc import Mapping

from module3_mpi_gpu_overlap.launch import AgreedError, World


def handshake(world: World, about: Mapping[str, str]) -> None:
    """Compare what each rank says about itself with what rank 0 says; collective.

    Args:
        world: the ranks.
        about: the same keys on every rank: versions, model shape, dataset, arguments.

    Raises:
        AgreedError: on every rank, naming the first difference and both values.
    """
    told = world.comm.allgather(dict(about))
    for rank, other in enumerate(told):
        for what, value in told[0].items():
            if other.get(what) != value:
                raise AgreedError(
                    f"rank {rank} has {what} {other.get(what)} where rank 0 has {value}: start "
                    "all ranks with the same software, data and arguments"
                )


def verify_same_model(world: World, digest: str) -> None:
    """Check that every rank holds the model that rank 0 holds; collective.

    Raises:
        AgreedError: on every rank, naming a rank that differs.
    """
    digests = world.comm.allgather(digest)
    for rank, other in enumerate(digests):
        if other != digests[0]:
            raise AgreedError(
                f"rank {rank} holds model {other} where rank 0 holds {digests[0]}: the averaging "
                "gave different bits on different ranks; report this with the MPI library's version"
            )
