"""One federated run: `mpiexec -n 2 python -m module3_mpi_gpu_overlap.train --rounds 2`.

Without mpiexec it is a world of one rank: plain local training.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from tqdm import tqdm

from crossscale_results.errors import UserError
from crossscale_results.provenance import Provenance, collect, suite_version
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.agreement import handshake
from module3_mpi_gpu_overlap.checkpoint import save_checkpoint
from module3_mpi_gpu_overlap.client_data import ClientData, Clients, load_client_data
from module3_mpi_gpu_overlap.columns import ROUNDS, SCORES, RunConfig
from module3_mpi_gpu_overlap.config import Settings, TrainConfig
from module3_mpi_gpu_overlap.congestion_control import congestion_control
from module3_mpi_gpu_overlap.device import choose_device, shares_accelerator
from module3_mpi_gpu_overlap.flat_model import shape_digest
from module3_mpi_gpu_overlap.ladder import LADDER
from module3_mpi_gpu_overlap.launch import World, agreed, require_ranks, run_on_ranks
from module3_mpi_gpu_overlap.models import model_of
from module3_mpi_gpu_overlap.privacy_extra import require_secure
from module3_mpi_gpu_overlap.private_rounds import check_privacy, epsilon
from module3_mpi_gpu_overlap.report import round_rows, score_lines, score_rows, screened_lines
from module3_mpi_gpu_overlap.run_state import KeptRun
from module3_mpi_gpu_overlap.stall_watch import leave, watched
from module3_mpi_gpu_overlap.trace import spans_of_run, write_trace

GANTT_ROUNDS = 4
LOADING_S = 3600.0  # rank 0 may have to download and to prepare the data first

if TYPE_CHECKING:
    from module3_mpi_gpu_overlap.federated import FederatedRun


def train(world: World, config: TrainConfig) -> None:
    """Load, train and verify; rank 0 reports, writes rows and saves the model. Collective.

    Raises:
        AgreedError: something is wrong on some rank; all raise it.
    """
    agreed(world, lambda: require_ranks(world, config.ranks))
    agreed(world, lambda: check(config))
    agreed(world, lambda: _check_slow_rank(world, config))
    agreed(world, lambda: require_secure(world.size) if config.sum == "secure" else None)
    with watched(world, config.stall_limit_s):
        _train(world, config)


def _train(world: World, config: TrainConfig) -> None:
    from module3_mpi_gpu_overlap.federated import federate  # starts MPI, so not on import

    world.heartbeat.beat("the data to be loaded", at_least_s=LOADING_S)
    device = choose_device(world, config.device)
    crowded = world.oversubscribed or shares_accelerator(world, device)
    data = load_client_data(world, config.data_dir, config, config.seed)
    torch.manual_seed(config.seed)
    shape = _input_shape(data.clients)
    module = model_of(config, *shape)
    beats = data.clients.beats
    private = agreed(world, lambda: _privacy_line(config, beats) if world.rank == 0 else "")
    world.heartbeat.beat("what the other ranks run")
    handshake(world, _about(config, data, module))
    print(data.source)
    print(f"{world.size} ranks, {world.link}, mode {config.mode}, on {device.type}")
    print(f"{config.precision}, {config.wire} on the wire, {config.exchange} exchange")
    print(f"{len(beats)} clients of {min(beats)} to {max(beats)} beats, {config.split} split")
    if crowded:
        print("note: ranks share cores or accelerators, so times are not a cluster's")
    if config.sum == "secure" and world.size == 2:
        print("note: of a secure sum of 2 ranks, each can tell the other's part by its own")
    with tqdm(total=config.rounds, desc="training", unit="round", disable=world.rank > 0) as bar:
        run = federate(
            world,
            config,
            module,
            data.clients,
            data.test,
            device,
            config.seed,
            config.evaluate_every,
            bar.update,
            _kept_run(config, data, module),
        )
    if run.self_test:
        print(f"MPI progress beside computing: {_progress_line(run)}")
    print("\n".join([*screened_lines(run), *score_lines(run)]))
    if private:
        print(private)
    print(f"all {world.size} ranks hold the same model {run.digest}")
    world.heartbeat.beat("rank 0 to write rows and model")
    agreed(world, lambda: _keep(world, config, data, run, crowded) if world.rank == 0 else None)


def check(config: TrainConfig) -> None:
    """Raise UserError for a number that makes no sense."""
    for name in ("rounds", "local_steps", "batch_size"):
        if getattr(config, name) < 1:
            raise UserError(f"{option(name)} must be at least 1")
    if not (math.isfinite(config.learning_rate) and config.learning_rate > 0):
        raise UserError("--learning-rate must be a positive number")
    for name in ("server_learning_rate", "dirichlet_alpha"):
        if not (math.isfinite(getattr(config, name)) and getattr(config, name) > 0):
            raise UserError(f"{option(name)} must be a positive number")
    for name in ("clients_count", "clients_per_round", "evaluate_every", "hidden_width"):
        if getattr(config, name) < 0:
            raise UserError(f"{option(name)} must be 0 or more")
    positive_or_zero = (
        *("proximal_mu", "screening_ratio", "slow_ratio", "stall_limit_s"),
        *("clip_norm", "noise_multiplier"),
    )
    for name in positive_or_zero:
        if not (math.isfinite(getattr(config, name)) and getattr(config, name) >= 0):
            raise UserError(f"{option(name)} must be a number of 0 or more")
    if not 0 <= config.server_momentum < 1:
        raise UserError("--server-momentum must be at least 0 and below 1")
    if config.bucket_bytes < 4:
        raise UserError("--bucket-bytes must be at least 4, the size of one number")
    if not 0 < config.sent_ratio <= 1:
        raise UserError("--sent-ratio must be above 0 and at most 1")
    if config.state_every < 1:
        raise UserError("--state-every must be at least 1")
    if config.resume and config.state_dir is None:
        raise UserError("--resume needs --state-dir, the folder to go on from")
    _check_together(config)
    check_privacy(config)


def option(name: str) -> str:
    """A configuration's field as it is given on the command line."""
    return f"--{name.replace('_', '-')}"


def _check_together(config: TrainConfig) -> None:
    """Raise UserError for choices that exclude each other."""
    if config.clients == "ranks" and (config.clients_count or config.clients_per_round):
        raise UserError(
            "--clients-count and --clients-per-round need --clients subjects: where clients are "
            "ranks, there is one for each and all take part"
        )
    delayed = LADDER[config.mode].delayed
    if delayed and config.clients != "ranks":
        raise UserError(
            f"{config.mode} needs --clients ranks: its correction is for models that stay on their "
            "rank"
        )
    if delayed and config.server != "fedavg":
        raise UserError(
            f"{config.mode} needs --server fedavg: a step of {config.server} on an average that is "
            "a round old is another algorithm"
        )
    if config.sum != "mpi" and (config.wire != "float32" or config.exchange != "flat"):
        raise UserError(
            f"--sum {config.sum} is for a float32 wire and a flat exchange: a {config.wire} wire "
            f"and a {config.exchange} exchange sum changes in an order of their own"
        )
    if config.sum == "secure" and not LADDER[config.mode].blocking:
        raise UserError(
            f"--sum secure needs --mode G0 or G1, not {config.mode}: its masks are agreed on in "
            "steps that nothing runs beside"
        )
    if config.hidden_width and config.model != "beatnet":
        raise UserError("--hidden-width is for --model beatnet: the other has no hidden layer")


def _check_slow_rank(world: World, config: TrainConfig) -> None:
    if not -1 <= config.slow_rank < world.size:
        raise UserError(
            f"--slow-rank {config.slow_rank} is none of the {world.size} ranks: they count from "
            "0, and -1 is no straggler"
        )


def _about(config: TrainConfig, data: ClientData, module: nn.Module) -> dict[str, str]:
    """What must be the same on all ranks; folders may differ from node to node."""
    folders = {"data_dir", "results_dir", "checkpoint", "state_dir", "trace"}
    arguments = {k: v for k, v in dataclasses.asdict(config).items() if k not in folders}
    return {
        "suite version": suite_version(),
        "torch": str(torch.__version__),
        "dataset": f"{data.source.dataset} {data.source.checksum}",
        "model shape": shape_digest(module),
        **{option(name): str(value) for name, value in arguments.items()},
    }


def _kept_run(config: TrainConfig, data: ClientData, module: nn.Module) -> KeptRun | None:
    if config.state_dir is None:
        return None
    free = {"rounds", "progress", "slow_rank", "slow_ratio"}  # these may differ on going on
    names = {f.name for f in dataclasses.fields(Settings)} - free | {"seed"}
    options = {option(name) for name in names}
    about = {k: v for k, v in _about(config, data, module).items() if k in options or k[:2] != "--"}
    return KeptRun(config.state_dir, config.state_every, about, config.rounds, config.resume)


def _input_shape(clients: Clients) -> tuple[int, int]:
    inputs = next(iter(clients.own.values()))
    return inputs.waveform.shape[1], inputs.context.shape[1]


def _privacy_line(config: TrainConfig, beats: Sequence[int]) -> str:
    """What the run will have told of a client; nothing without differential privacy."""
    if not config.clip_norm:
        return ""
    holding = sum(count > 0 for count in beats)
    spent, delta = epsilon(config, holding)
    line = (
        f"differential privacy of a client: ({spent:.3g}, {delta:g}) after {config.rounds} rounds"
    )
    if 0 < config.clients_per_round < holding:
        line += ", if each had been drawn by a coin of its own; of a fixed number it is no bound"
    return line


def _progress_line(run: "FederatedRun") -> str:
    test = run.self_test
    assert test is not None
    percents = {
        "library": test.unaided_percent,
        "polling": test.polling_percent,
        "thread": test.thread_percent,
    }
    hidden = [f"{name} {p:.0f} %" for name, p in percents.items() if p is not None]
    return f"{', '.join(hidden)} hidden; used: {run.progress_method}"


def _keep(
    world: World, config: TrainConfig, data: ClientData, run: "FederatedRun", crowded: bool
) -> None:
    settings = {f.name: getattr(config, f.name) for f in dataclasses.fields(Settings)}
    config_row = RunConfig(
        **settings,
        experiment=config.experiment,
        world_size=world.size,
        oversubscribed=crowded,
        link=world.link,
        congestion_control=congestion_control(),
        device_type=run.model.vector.device.type,
        memory_kept=world.memory_kept,
        averaged_count=run.model.vector.numel(),
    )
    provenance = collect(data.source.dataset, config.profile)
    tables = {ROUNDS: round_rows, SCORES: score_rows}
    for table, rows in tables.items():
        own_rows = list(rows(run, config_row, config.seed, config.repeat))
        path = append_rows(table, config.results_dir, provenance, own_rows)
        if own_rows:
            print(f"rows appended to {path}")
    if config.trace and run.rounds:
        _keep_trace(config.trace, run, provenance)
    if config.checkpoint:
        about = {"model": config.model, "digest": run.digest, "suite_version": suite_version()}
        save_checkpoint(config.checkpoint, run.model, about)
        print(f"model saved to {config.checkpoint}")


def _keep_trace(path: Path, run: "FederatedRun", provenance: Provenance) -> None:
    """Write the trace, and its first rounds as a Gantt chart beside it."""
    # Loaded here, so that a rank without a trace starts the sooner.
    import pandas as pd

    from module3_mpi_gpu_overlap.gantt_figure import draw_gantt

    timelines = [[report.timeline for report in reports] for reports in run.rounds]
    spans = spans_of_run(timelines, run.first_round)
    write_trace(path, spans)
    shown = [span for span in spans if span.round_index < run.first_round + GANTT_ROUNDS]
    figures = draw_gantt(shown, pd.DataFrame([vars(provenance)]), path.parent, path.stem)
    print(f"trace written to {path}, drawn as {figures[0]}")


def main() -> int:
    """Parse the command line and train."""
    return run_on_ranks(
        TrainConfig,
        train,
        prog="python -m module3_mpi_gpu_overlap.train",
        description="Federated training of the suite's classifier over MPI ranks.",
    )


if __name__ == "__main__":
    leave(main())
