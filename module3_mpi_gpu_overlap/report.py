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
from module3_mpi_gpu_overlap.timing import rank_times, round_s

if TYPE_CHECKING:
    from module3_mpi_gpu_overlap.federated import FederatedRun

ONE_RANK = "one rank has nobody to communicate with"
NO_ACCELERATOR = "no accelerator was used"
UNDEFINED = "undefined: the class neither occurs nor is predicted"


def round_rows(run: "FederatedRun", config: RunConfig, seed: int, repeat: int) -> Iterator[Row]:
    """A row for each rank and round."""
    for index, reports in enumerate(run.rounds):
        timelines = [report.timeline for report in reports]
        slowest_s = round_s(timelines)
        beats = config.world_size * config.local_steps * config.batch_size
        for rank, (report, times) in enumerate(zip(reports, rank_times(timelines), strict=True)):
            measurement = RoundMeasurement(
                round_s=slowest_s,
                rank_round_s=times.rank_round_s,
                train_s=times.train_s,
                straggler_idle_s=times.straggler_idle_s,
                blocked_idle_s=times.blocked_idle_s,
                exposed_communication_s=times.exposed_communication_s,
                preparation_s=times.preparation_s,
                communication_s=report.communication_s,
                throughput_samples_per_s=beats / slowest_s,
                train_loss=report.loss,
                weight_ratio=run.weights[rank],
                clock_offset_s=run.clock_offsets_s[rank],
                mpi_progress_percent=run.progress_percent,
                accelerator_copies_s=report.copies_s,
                accelerator_memory_bytes=report.accelerator_memory_bytes,
            )
            key = RoundKey(**_values(config), round_index=index, rank=rank)
            reasons = {
                "mpi_progress_percent": ONE_RANK,
                "accelerator_copies_s": NO_ACCELERATOR,
                "accelerator_memory_bytes": NO_ACCELERATOR,
            }
            yield Row(key, measurement, seed, repeat, _empty_ones(measurement, reasons))


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
