"""Packed inputs are the inputs, written once, whole or not at all, and never another code's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from crossscale_data import packed_inputs
from crossscale_data.classifier_inputs import beat_inputs
from crossscale_data.errors import DataError
from crossscale_data.packed_inputs import load_packed_inputs, rows_of_records, unpack
from crossscale_data.prepared import load_beats, prepared_folder
from crossscale_data.records import DS1, DS2
from crossscale_data.rr_context import RrReference
from crossscale_data.source import HOME_VARIABLE, Source


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which nothing is prepared yet."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("reference", ["record", "causal"])
def test_a_row_is_the_beats_waveform_and_context(
    any_source: Source, reference: RrReference
) -> None:
    packed = load_packed_inputs(any_source, reference)
    inputs = beat_inputs(load_beats(any_source), reference)
    waveform, context = unpack(torch.from_numpy(packed.rows.copy()), packed.waveform_shape)
    np.testing.assert_array_equal(waveform.numpy(), inputs.waveform)
    np.testing.assert_array_equal(context.numpy(), inputs.context)
    np.testing.assert_array_equal(packed.label, inputs.label)
    np.testing.assert_array_equal(packed.record, inputs.record)
    assert packed.context_features == inputs.context.shape[1]
    assert not packed.rows.flags.writeable
    assert set(np.unique(packed.record)) == set(DS1 + DS2)


def test_rows_are_written_once(own_home: Path, short_synthetic: Source) -> None:
    load_packed_inputs(short_synthetic, "record")
    path = prepared_folder(short_synthetic) / "inputs-record.shard"
    before = path.stat()
    load_packed_inputs(short_synthetic, "record")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert [p.name for p in path.parent.glob("*inputs*.shard*")] == ["inputs-record.shard"]


def changed_code(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(packed_inputs, "code_crc", lambda modules: len(modules))


def changed_beats(patch: pytest.MonkeyPatch) -> None:
    crc = packed_inputs.code_crc
    patch.setattr(packed_inputs, "code_crc", lambda modules: crc(modules) + ("beats" in modules))


def changed_features(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(packed_inputs, "CONTEXT_FEATURES", 99)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (changed_code, " code="),
        (changed_beats, "beats_code="),
        (changed_features, "context_features=20"),
    ],
)
def test_rows_of_other_code_are_stale(
    own_home: Path,
    short_synthetic: Source,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[pytest.MonkeyPatch], None],
    named: str,
) -> None:
    load_packed_inputs(short_synthetic, "record")
    change(monkeypatch)
    with pytest.raises(DataError, match=f"inputs-record.shard is stale.*{named}"):
        load_packed_inputs(short_synthetic, "record")


def test_a_truncated_file_is_told(own_home: Path, short_synthetic: Source) -> None:
    load_packed_inputs(short_synthetic, "causal")
    path = prepared_folder(short_synthetic) / "inputs-causal.shard"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match="truncated or damaged"):
        load_packed_inputs(short_synthetic, "causal")


def test_an_input_that_is_no_number_is_told_and_nothing_is_kept(
    own_home: Path, short_synthetic: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = packed_inputs.inputs_by_record

    def spoilt(*arguments):  # type: ignore[no-untyped-def]
        for rows, waveform, context in real(*arguments):
            if rows.start > 0:
                context[3, 4] = np.nan
            yield rows, waveform, context

    monkeypatch.setattr(packed_inputs, "inputs_by_record", spoilt)
    with pytest.raises(DataError, match="record 101 has an input that is not a number"):
        load_packed_inputs(short_synthetic, "record")
    assert not list(prepared_folder(short_synthetic).glob("*inputs*.shard*"))


def test_rows_of_records_are_ascending_and_an_absent_record_is_told(
    short_synthetic: Source,
) -> None:
    packed = load_packed_inputs(short_synthetic, "record")
    rows = rows_of_records(packed, (201, 100))
    assert (np.diff(rows) > 0).all()
    assert set(packed.record[rows]) == {100, 201}
    with pytest.raises(DataError, match="no beat of record 102"):
        rows_of_records(packed, (100, 102))
