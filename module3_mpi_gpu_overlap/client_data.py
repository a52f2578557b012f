"""What one rank holds: its own clients' beats to train on, and its share of DS2 to score."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from crossscale_data.classifier_inputs import BeatInputs, beat_inputs, select
from crossscale_data.prepared import Beats, load_beats
from crossscale_data.records import DS2, TRAIN, subject_of
from crossscale_data.source import Source, find_source
from module3_mpi_gpu_overlap.clients import place_clients, split_records
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.launch import World, agreed
from module3_mpi_gpu_overlap.mixed_splits import Rows, dirichlet_rows, iid_rows


@dataclass(frozen=True)
class Clients:
    """All clients of a federation as one rank sees them; it holds the data of its own alone."""

    own: Mapping[int, BeatInputs]  # by client number, ascending; only those that hold beats
    beats: tuple[int, ...]  # of every client
    rank: tuple[int, ...]  # that trains each client


@dataclass(frozen=True)
class ClientData:
    """One rank's beats, and where they come from."""

    clients: Clients
    test: BeatInputs
    source: Source


def load_client_data(
    world: World, data_dir: Path | None, settings: Settings, seed: int
) -> ClientData:
    """Split the beats over clients and these over the ranks, and load this rank's; collective.

    Raises:
        AgreedError: the data are bad on some rank, or there are more ranks or clients than
            patients or beats for them.
    """
    source, beats = open_in_turn(world, data_dir)
    train_rows = np.flatnonzero(np.isin(beats.record, TRAIN))
    rows = agreed(world, lambda: _rows_of_clients(world, settings, beats, train_rows, seed))
    counts = tuple(map(len, rows))
    rank = agreed(world, lambda: _ranks_of_clients(world, settings, counts))
    wanted = [k for k, count in enumerate(counts) if count and rank[k] == world.rank]
    own_test = agreed(world, lambda: split_records(_beat_counts(beats, DS2), world.size))
    records = np.unique(np.concatenate([beats.record[rows[k]] for k in wanted])).tolist()
    read = (*records, *own_test[world.rank])
    inputs = agreed(world, lambda: beat_inputs(rows_of(beats, read), settings.rr_reference))
    # Rows of the whole view, as rows of what was read of it.
    position = np.cumsum(np.isin(beats.record, read)) - 1
    own = {k: _take(inputs, position[rows[k]]) for k in wanted}
    test = select(inputs, own_test[world.rank])
    return ClientData(Clients(own, counts, rank), test, source)


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


def rows_of(beats: Beats, records: Iterable[int]) -> Beats:
    """Only those records' rows: the others' signals are not even read."""
    rows = np.isin(beats.record, list(records))
    arrays = [field.name for field in fields(beats) if field.name != "source"]
    return replace(beats, **{name: getattr(beats, name)[rows] for name in arrays})


def _rows_of_clients(
    world: World, settings: Settings, beats: Beats, train_rows: Rows, seed: int
) -> list[Rows]:
    """Each client's rows of the prepared view, ascending; all ranks find the same."""
    counts = _beat_counts(beats, TRAIN)
    by_rank = settings.clients == "ranks"
    clients = world.size if by_rank else settings.clients_count or len(set(map(subject_of, TRAIN)))
    if settings.split == "natural":
        groups = split_records(counts, clients, "ranks" if by_rank else "clients")
        return [train_rows[np.isin(beats.record[train_rows], group)] for group in groups]
    if settings.split == "iid":
        parts = iid_rows(len(train_rows), clients, seed)
    else:
        parts = dirichlet_rows(beats.label[train_rows], clients, settings.dirichlet_alpha, seed)
    return [train_rows[part] for part in parts]


def _ranks_of_clients(world: World, settings: Settings, counts: tuple[int, ...]) -> tuple[int, ...]:
    if settings.clients == "ranks" and all(counts):
        return tuple(range(world.size))
    return place_clients(counts, world.size)


def _beat_counts(beats: Beats, records: Iterable[int]) -> dict[int, int]:
    found, counts = np.unique(beats.record, return_counts=True)
    beats_of = dict(zip(found.tolist(), counts.tolist(), strict=True))
    return {record: beats_of[record] for record in records}


def _take(inputs: BeatInputs, rows: Rows) -> BeatInputs:
    arrays = {field.name: getattr(inputs, field.name)[rows] for field in fields(inputs)}
    return BeatInputs(**arrays)
