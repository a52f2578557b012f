"""MPI from its start to a clean or an agreed end: no rank is ever left waiting for one that failed.

A problem that one rank meets is told to all (`agreed`), rank 0 says it, and all exit non-zero.
Anything unforeseen aborts the whole job. A rank that is killed takes the job with it: mpiexec
sees to that. One that is stopped or hangs is seen by `stall_watch`.
"""

import io
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from crossscale_results.cli import EXIT_INTERRUPTED, EXIT_USER_ERROR, run
from crossscale_results.errors import UserError
from crossscale_results.interrupts import INTERRUPTED
from module3_mpi_gpu_overlap.heartbeat import Heartbeat
from module3_mpi_gpu_overlap.steady_memory import keep_freed_memory

if TYPE_CHECKING:
    from mpi4py import MPI

Result = TypeVar("Result")
LINK_VARIABLE = "CROSSSCALE_LINK"  # set where virtual hosts stand for nodes: what connects them
ONE_NODE = "one node"


class MpiError(UserError):
    """MPI is missing, or cannot do what was asked."""


class AgreedError(UserError):
    """An error that every rank raises together."""


@dataclass(frozen=True)
class World:
    """The ranks of one job."""

    comm: "MPI.Intracomm"
    rank: int
    size: int
    local_rank: int  # among the ranks of the same node
    local_size: int
    node_cores: int  # cores that the node's ranks may use together
    link: str = ONE_NODE  # what connects the ranks
    machine: tuple[int, int] | None = None  # ranks and cores of a machine that stands for all nodes
    memory_kept: bool = False  # whether the C library keeps freed memory on every rank
    heartbeat: Heartbeat = field(default_factory=Heartbeat, repr=False, compare=False)

    @property
    def oversubscribed(self) -> bool:
        """Whether a machine's ranks share cores: its times then say little about a cluster."""
        ranks, cores = self.machine or (self.local_size, self.node_cores)
        return ranks > cores


def start() -> World:
    """Start MPI, or join it where it runs; a process without mpiexec is a world of one.

    Raises:
        MpiError: there is no MPI library.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise MpiError(
            f"MPI could not be loaded ({_first_line(error)}): install one, for example with "
            "`pip install mpich`"
        ) from error
    comm = MPI.COMM_WORLD
    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    # mpiexec may have bound each rank to cores of its own: the node's are those of all its ranks.
    cores = set().union(*node.allgather(_own_cores()))
    link = ONE_NODE if node.size == comm.size else "several nodes"
    machine = None
    if LINK_VARIABLE in os.environ:
        link = os.environ[LINK_VARIABLE]
        machine = comm.size, len(set().union(*comm.allgather(_own_cores())))
    world = World(comm, comm.rank, comm.size, node.rank, node.size, len(cores), link, machine)
    node.Free()
    return world


def run_on_ranks(
    config_type: Any, work: Callable[[World, Any], None], prog: str, description: str
) -> int:
    """A command whose work every rank does; rank 0 alone reads and writes the screen.

    Gives the exit status, as `crossscale_results.cli.run` does.
    """
    try:
        world = start()
    except MpiError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    world = replace(world, memory_kept=all(world.comm.allgather(keep_freed_memory())))
    if world.rank > 0:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (open to the end)
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # an abort must not lose what was said
    return run(config_type, lambda config: _or_abort(world, work, config), prog, description)


def require_ranks(world: World, ranks: int) -> None:
    """Raise MpiError unless there are so many ranks; 0 accepts any number."""
    if ranks not in (0, world.size):
        raise MpiError(
            f"{ranks} ranks were to run but MPI sees {world.size}: mpiexec and mpi4py may belong "
            "to different MPI libraries; use the mpiexec of the one that mpi4py was built for"
        )


def agreed(world: World, work: Callable[[], Result]) -> Result:
    """Do something that may fail on some ranks; all ranks call this at the same point.

    Raises:
        AgreedError: on every rank, with the lowest failed rank's sentence.
    """
    value: Result | None = None
    problem = ""
    try:
        value = work()
    except UserError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename or 'a file'} cannot be used: {error.strerror or error}"
    agree(world, problem)
    return value  # type: ignore[return-value]  # no problem means that there is a value


def agree(world: World, problem: str) -> None:
    """Raise AgreedError on all ranks if any of them names a problem."""
    world.heartbeat.beat()
    problems = world.comm.allgather(problem)
    world.heartbeat.beat()
    for rank, told in enumerate(problems):
        if told:
            raise AgreedError(f"{told} (on rank {rank})" if rank else told)


def _or_abort(world: World, work: Callable[[World, Any], None], config: Any) -> None:
    try:
        work(world, config)
    except AgreedError:
        raise
    except BaseException as error:
        # The other ranks do not know of this: they would wait for this one without end.
        if isinstance(error, KeyboardInterrupt):
            print(INTERRUPTED, file=sys.stderr)
            world.comm.Abort(EXIT_INTERRUPTED)
        if isinstance(error, UserError):
            print(f"error: {error}", file=sys.__stderr__)
        else:
            print(f"rank {world.rank} of {world.size} failed:", file=sys.__stderr__)
            traceback.print_exception(error, file=sys.__stderr__)
        world.comm.Abort(EXIT_USER_ERROR)


def _own_cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].strip() if lines else type(error).__name__
