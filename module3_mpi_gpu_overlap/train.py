"""One federated run: `mpiexec -n 2 python -m module3_mpi_gpu_overlap.train --rounds 2`.

Without mpiexec it is a world of one rank: plain local training.
"""

import dataclasses
import math
import sys
from typing import TYPE_CHECKING

import torch
from torch import nn
from tqdm import tqdm

from crossscale_data.classifier import build_model
from crossscale_results.errors import UserError
from crossscale_results.provenance import collect, suite_version
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.agreement import handshake
from module3_mpi_gpu_overlap.checkpoint import save_checkpoint
from module3_mpi_gpu_overlap.client_data import ClientData, load_client_data
from module3_mpi_gpu_overlap.columns import ROUNDS, SCORES, RunConfig
from module3_mpi_gpu_overlap.config import Settings, TrainConfig
from module3_mpi_gpu_overlap.device import choose_device
from module3_mpi_gpu_overlap.flat_model import shape_digest
from module3_mpi_gpu_overlap.launch import World, agreed, require_ranks, run_on_ranks
from module3_mpi_gpu_overlap.report import round_rows, score_lines, score_rows

if TYPE_CHECKING:
    from module3_mpi_gpu_overlap.federated import FederatedRun


def train(world: World, config: TrainConfig) -> None:
    """Load, train and verify; rank 0 reports, writes rows and saves the model. Collective.

    Raises:
        AgreedError: something is wrong on some rank; all raise it.
    """
    from module3_mpi_gpu_overlap.federated import federate  # starts MPI, so not on import

    agreed(world, lambda: require_ranks(world, config.ranks))
    agreed(world, lambda: check(config))
    device = choose_device(world, config.device)
    data = load_client_data(world, config.data_dir, config.rr_reference)
    torch.manual_seed(config.seed)
    channels, features = data.train.waveform.shape[1], data.train.context.shape[1]
    module = build_model(config.model, channels, features)
    handshake(world, _about(config, data, module))
    print(data.source)
    print(f"{world.size} ranks, mode {config.mode}, {config.precision}, on {device.type}")
    if world.oversubscribed:
        print(f"note: the ranks share {world.node_cores} cores, so times are not a cluster's")
    with tqdm(total=config.rounds, desc="training", unit="round", disable=world.rank > 0) as bar:
        run = federate(
            world,
            config,
            module,
            data.train,
            data.test,
            device,
            config.seed,
            config.evaluate_every,
            bar.update,
        )
    print("\n".join(score_lines(run)))
    print(f"all {world.size} ranks hold the same model {run.digest}")
    agreed(world, lambda: _keep(world, config, data, run) if world.rank == 0 else None)


def check(config: TrainConfig) -> None:
    """Raise UserError for a number that makes no sense."""
    for name in ("rounds", "local_steps", "batch_size"):
        if getattr(config, name) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1")
    if not (math.isfinite(config.learning_rate) and config.learning_rate > 0):
        raise UserError("--learning-rate must be a positive number")
    if config.bucket_bytes < 4:
        raise UserError("--bucket-bytes must be at least 4, the size of one number")
    if config.evaluate_every < 0:
        raise UserError("--evaluate-every must be 0 or more")


def _about(config: TrainConfig, data: ClientData, module: nn.Module) -> dict[str, str]:
    """What must be the same on all ranks; folders may differ from node to node."""
    folders = {"data_dir", "results_dir", "checkpoint"}
    arguments = {k: v for k, v in dataclasses.asdict(config).items() if k not in folders}
    return {
        "suite version": suite_version(),
        "torch": str(torch.__version__),
        "dataset": f"{data.source.dataset} {data.source.checksum}",
        "model shape": shape_digest(module),
        **{f"--{name.replace('_', '-')}": str(value) for name, value in arguments.items()},
    }


def _keep(world: World, config: TrainConfig, data: ClientData, run: "FederatedRun") -> None:
    settings = {f.name: getattr(config, f.name) for f in dataclasses.fields(Settings)}
    config_row = RunConfig(
        **settings,
        world_size=world.size,
        oversubscribed=world.oversubscribed,
        device_type=run.model.vector.device.type,
        averaged_count=run.model.vector.numel(),
    )
    provenance = collect(data.source.dataset, config.profile)
    tables = {ROUNDS: round_rows, SCORES: score_rows}
    for table, rows in tables.items():
        path = append_rows(
            table,
            config.results_dir,
            provenance,
            rows(run, config_row, config.seed, config.repeat),
        )
        print(f"rows appended to {path}")
    if config.checkpoint:
        about = {"model": config.model, "digest": run.digest, "suite_version": suite_version()}
        save_checkpoint(config.checkpoint, run.model, about)
        print(f"model saved to {config.checkpoint}")


def main() -> int:
    """Parse the command line and train."""
    return run_on_ranks(
        TrainConfig,
        train,
        prog="python -m module3_mpi_gpu_overlap.train",
        description="Federated training of the suite's classifier over MPI ranks.",
    )


if __name__ == "__main__":
    sys.exit(main())
