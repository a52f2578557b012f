"""The suite's own rounds, run as contestants are."""

from collections.abc import Callable
from dataclasses import replace

from module3_mpi_gpu_overlap.ladder import Mode
from module3_mpi_gpu_overlap.peers.contestant import Contestant, Job, Outcome, rounds_of
from module3_mpi_gpu_overlap.peers.step_times import rounds_s


def suite_contestant(mode: Mode, settings: str) -> Contestant:
    """A mode of the ladder, with everything that a run of `train` does in its rounds."""
    return Contestant(
        mode, "suite", "crossscale-ecg", "module3_mpi_gpu_overlap", settings, _in_mode(mode)
    )


def _in_mode(mode: Mode) -> Callable[[Job], Outcome]:
    def run(job: Job) -> Outcome:
        from module3_mpi_gpu_overlap.federated import federate  # starts MPI
        from module3_mpi_gpu_overlap.peers.local_client import CPU

        settings = replace(job.settings, mode=mode)
        data = job.data
        run = federate(job.world, settings, job.module, data.clients, data.test, CPU, job.seed)
        own_s = rounds_s(job.steps, settings.rounds, settings.local_steps)
        timelines = [[report.timeline for report in reports] for reports in run.rounds]
        trained_s = list(zip(*job.world.comm.allgather(own_s), strict=True))
        return Outcome(rounds_of(timelines, trained_s), run.model.host_vector())

    return run
