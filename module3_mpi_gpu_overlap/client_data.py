"""What one rank holds: its own patients' beats to train on, and its share of DS2 to score."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np

from crossscale_data.classifier_inputs import BeatInputs, beat_inputs, select
from crossscale_data.prepared import Beats, load_beats
from crossscale_data.records import DS2, TRAIN
from crossscale_data.source import Source, find_source
from module3_mpi_gpu_overlap.clients import split_records
from module3_mpi_gpu_overlap.launch import World, agreed


@dataclass(frozen=True)
class ClientData:
    """One rank's beats, and where they come from."""

    train: BeatInputs
    test: BeatInputs
    source: Source
    records: tuple[int, ...]  # those in `train`


def load_client_data(
    world: World, data_dir: Path | None, rr_reference: Literal["record", "causal"]
) -> ClientData:
    """Split the patients over the ranks and load this rank's; collective.

    Raises:
        AgreedError: the data are bad on some rank, or there are more ranks than patients.
    """
    source, beats = open_in_turn(world, data_dir)
    own_train, own_test = agreed(world, lambda: _own_records(world, beats))
    inputs = agreed(world, lambda: beat_inputs(rows_of(beats, own_train + own_test), rr_reference))
    return ClientData(select(inputs, own_train), select(inputs, own_test), source, own_train)


def open_in_turn(world: World, data_dir: Path | None) -> tuple[Source, Beats]:
    """Rank 0 goes first: it may have to download or to prepare, and shows how far it is."""

    def opened() -> tuple[Source, Beats]:
        source = find_source(data_dir)
        return source, load_beats(source)

    first = agreed(world, lambda: opened() if world.rank == 0 else None)
    rest = agreed(world, lambda: None if world.rank == 0 else opened())
    found = first or rest
    assert found is not None
    return found


def input_shape(beats: Beats) -> tuple[int, int]:
    """Channels and context features of the classifier's inputs."""
    inputs = beat_inputs(rows_of(beats, beats.record[:1].tolist()))
    return inputs.waveform.shape[1], inputs.context.shape[1]


def _own_records(world: World, beats: Beats) -> tuple[tuple[int, ...], tuple[int, ...]]:
    records, counts = np.unique(beats.record, return_counts=True)
    beat_counts = dict(zip(records.tolist(), counts.tolist(), strict=True))
    train, test = (
        split_records({r: beat_counts[r] for r in records}, world.size) for records in (TRAIN, DS2)
    )
    return train[world.rank], test[world.rank]


def rows_of(beats: Beats, records: Iterable[int]) -> Beats:
    """Only those records' rows: the others' signals are not even read."""
    rows = np.isin(beats.record, list(records))
    arrays = [field.name for field in fields(beats) if field.name != "source"]
    return replace(beats, **{name: getattr(beats, name)[rows] for name in arrays})
