"""A finished run as rows of the module's tables, and as lines on the screen."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from crossscale_data.scores import Scores, scores
from crossscale_results.rows import Row
from module3_mpi_gpu_overlap.columns import (
    RoundKey,
    RoundMeasurement,
    RunConfig,
    ScoreKey,
    ScoreMeasurement,
)
from module3_mpi_gpu_overlap.timing import RankTimes, Timeline, rank_times, round_s

if TYPE_CHECKING:
    from module3_mpi_gpu_overlap.federated import FederatedRun
    from module3_mpi_gpu_overlap.rank_report import RankReport

ONE_RANK = "one rank has nobody to communicate with"
NO_ACCELERATOR = "no accelerator was used"
NO_THREADS = "MPI was not started for several threads"
NOT_SAMPLED = "no client of this rank was drawn for the round"
NO_USABLE = "all of this rank's updates were screened out"
UNDEFINED = "undefined: the class neither occurs nor is predicted"


def round_rows(run: "FederatedRun", config: RunConfig, seed: int, repeat: int) -> Iterator[Row]:
    """A row for each rank and round."""
    before: list[Timeline] = []
    for index, reports in enumerate(run.rounds, run.first_round):
        timelines = [report.timeline for report in reports]
        slowest_s = round_s(timelines)
        throughput = sum(report.beats for report in reports) / slowest_s
        times_of_ranks = rank_times(timelines, before)
        for rank, (report, times) in enumerate(zip(reports, times_of_ranks, strict=True)):
            measurement = _round_measurement(
                run, config, rank, report, times, slowest_s, throughput
            )
            key = RoundKey(**_values(config), round_index=index, rank=rank)
            reasons = _reasons(report, config)
            yield Row(key, measurement, seed, repeat, _empty_ones(measurement, reasons))
        before = timelines


def score_rows(run: "FederatedRun", config: RunConfig, seed: int, repeat: int) -> Iterator[Row]:
    """A row for each scored round and test set."""
    for index, confusions in run.confusions.items():
        for test_set, confusion in confusions.items():
            measurement = _score_measurement(scores(confusion))
            key = ScoreKey(**_values(config), round_index=index, test_set=test_set)
            reasons = {field.name: UNDEFINED for field in fields(ScoreMeasurement)}
            yield Row(key, measurement, seed, repeat, _empty_ones(measurement, reasons))


def score_lines(run: "FederatedRun") -> list[str]:
    """Each scored round and test set in one line."""
    lines = []
    for index, confusions in run.confusions.items():
        for test_set, confusion in confusions.items():
            found = scores(confusion)
            lines.append(
                f"round {index}, {test_set} ({confusion.sum()} beats): macro F1 (N S V F) "
                f"{_shown(found.macro_f1_4)}, S F1 {_shown(found.f1[1])}, V F1 "
                f"{_shown(found.f1[2])}, accuracy {found.accuracy:.3f}"
            )
    return lines


def _round_measurement(
    run: "FederatedRun",
    config: RunConfig,
    rank: int,
    report: "RankReport",
    times: RankTimes,
    slowest_s: float,
    throughput: float,
) -> RoundMeasurement:
    test = run.self_test
    return RoundMeasurement(
        round_s=slowest_s,
        rank_round_s=times.rank_round_s,
        train_s=times.train_s,
        straggler_idle_s=times.straggler_idle_s,
        blocked_idle_s=times.blocked_idle_s,
        exposed_communication_s=times.exposed_communication_s,
        preparation_s=times.preparation_s,
        communication_s=run.communication_s,
        throughput_samples_per_s=throughput,
        train_loss=report.loss,
        trained_count=report.beats // (config.local_steps * config.batch_size),
        screened_count=len(report.screened),
        weight_ratio=report.weight,
        payload_bytes=run.payload_bytes,
        clock_offset_s=run.clock_offsets_s[rank],
        mpi_progress_percent=test.unaided_percent if test else None,
        polling_progress_percent=test.polling_percent if test else None,
        thread_progress_percent=test.thread_percent if test else None,
        progress_method=run.progress_method,
        mpi_transfer=run.transfer,
        accelerator_copies_s=report.copies_s,
        accelerator_memory_bytes=report.accelerator_memory_bytes,
    )


def empty_columns_of(world_size: int, device_type: str) -> dict[str, str]:
    """The columns that every round of such a run leaves empty, and why."""
    alone = (
        "mpi_progress_percent",
        "polling_progress_percent",
        "thread_progress_percent",
    )
    on_device = ("accelerator_copies_s", "accelerator_memory_bytes")
    return {
        **(dict.fromkeys(alone, ONE_RANK) if world_size == 1 else {}),
        **(dict.fromkeys(on_device, NO_ACCELERATOR) if device_type == "cpu" else {}),
    }


def _reasons(report: "RankReport", config: RunConfig) -> dict[str, str]:
    """Why each column of a round is empty, if it is."""
    return {
        "train_loss": NO_USABLE if report.beats else NOT_SAMPLED,
        "thread_progress_percent": NO_THREADS,
        **empty_columns_of(config.world_size, config.device_type),
    }


def screened_lines(run: "FederatedRun") -> list[str]:
    """Each screened update in one line."""
    return [
        f"note: round {index}: the update of client {client} (rank {rank}) was screened out: not "
        "finite, absurdly long, or of an absurd loss"
        for index, reports in enumerate(run.rounds, run.first_round)
        for rank, report in enumerate(reports)
        for client in report.screened
    ]


def _score_measurement(found: Scores) -> ScoreMeasurement:
    n, s, v, f, q = range(5)
    return ScoreMeasurement(
        macro_4_f1=found.macro_f1_4,
        macro_5_f1=found.macro_f1_5,
        accuracy_ratio=found.accuracy,
        n_f1=found.f1[n],
        s_f1=found.f1[s],
        v_f1=found.f1[v],
        f_f1=found.f1[f],
        q_f1=found.f1[q],
        s_sensitivity=found.sensitivity[s],
        s_precision=found.precision[s],
        v_sensitivity=found.sensitivity[v],
        v_precision=found.precision[v],
    )


def _values(config: RunConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in fields(config)}


def _empty_ones(measurement: object, reasons: Mapping[str, str]) -> dict[str, str]:
    return {name: why for name, why in reasons.items() if getattr(measurement, name) is None}


def _shown(score: float | None) -> str:
    return "undefined" if score is None else f"{score:.3f}"
