"""The benches of wire formats and of privacy, and the figure, on small vectors."""

from pathlib import Path

import pytest

from crossscale_data.source import Source
from crossscale_results.provenance import collect
from crossscale_results.reader import read_table
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.mpiexec import run_ranks
from module3_mpi_gpu_overlap.wire import codec_of
from module3_mpi_gpu_overlap.wire_columns import WIRE, WireKey, WireMeasurement
from module3_mpi_gpu_overlap.wire_figure import draw_wire
from module3_mpi_gpu_overlap.wire_format import WireFormat

FORMATS: tuple[WireFormat, ...] = ("float32", "bf16", "fp16", "int8", "top-k")


@pytest.mark.mpi
def test_every_format_has_a_row_of_each_turn_beside_the_same_allreduce(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path
) -> None:
    arguments = ["-m", "module3_mpi_gpu_overlap.wire_bench", "--sizes", "30000", "--samples", "2"]
    where = ["--results-dir", str(tmp_path), "--data-dir", str(short_synthetic.directory)]
    run_ranks(2, [*arguments, *where], 120.0)
    rows = read_table(WIRE, tmp_path)
    assert len(rows) == 2 * len(FORMATS)
    assert set(rows["wire"]) == set(FORMATS)
    assert (rows.groupby("sample_index")["allreduce_ms"].nunique() == 1).all()
    errors = rows.groupby("wire")["error_ratio"].first()
    assert errors["float32"] < 1e-6 < errors["fp16"] < errors["bf16"] < errors["int8"]
    assert errors["int8"] < 0.02 < errors["top-k"] < 1
    for wire, own in rows.groupby("wire"):
        half = codec_of(wire).payload_bytes(15_000)
        assert set(own["received_bytes"]) == {2 * half}


def test_privacy_has_rows_of_every_client_count_with_and_without_drop_outs(
    short_synthetic: Source, tmp_path: Path
) -> None:
    pytest.importorskip("cryptography")
    from module3_mpi_gpu_overlap.privacy_bench import PrivacyBenchConfig, measure
    from module3_mpi_gpu_overlap.privacy_columns import PRIVACY

    measure(
        PrivacyBenchConfig(
            clients=(2, 4),
            sizes=(1000,),
            samples=2,
            data_dir=short_synthetic.directory,
            results_dir=tmp_path,
        )
    )
    rows = read_table(PRIVACY, tmp_path)
    kinds = rows[["clients_count", "dropped_count", "sample_index"]].to_numpy().tolist()
    assert sorted(kinds) == [[c, d, i] for c, d in ((2, 0), (4, 0), (4, 1)) for i in (0, 1)]
    assert (rows["error_ratio"] > 0).all()
    assert (rows["error_ratio"] <= 1).all()
    assert (rows["upload_bytes"] > rows["plain_bytes"]).all()


def test_without_rows_nothing_is_drawn(tmp_path: Path) -> None:
    assert draw_wire(tmp_path, tmp_path / "figures") == []


def test_the_figure_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    _write_rows(tmp_path)
    first, second = (draw_wire(tmp_path, tmp_path / name) for name in ("first", "second"))
    assert [path.name for path in first] == ["module3_wire.png", "module3_wire.pdf"]
    for left, right in zip(first, second, strict=True):
        assert left.read_bytes() == right.read_bytes()


def test_one_rank_alone_is_no_figure(tmp_path: Path) -> None:
    _write_rows(tmp_path, worlds=(1,))
    assert draw_wire(tmp_path, tmp_path / "figures") == []


def _write_rows(results_dir: Path, worlds: tuple[int, ...] = (1, 2, 8)) -> None:
    rows = [
        Row(
            WireKey(
                wire=wire,
                sent_ratio=1.0,
                world_size=world,
                oversubscribed=world > 2,
                elements_count=elements,
                sample_index=sample,
            ),
            WireMeasurement(
                average_ms=1e-6 * elements * (place + 1) * (1 + 0.1 * sample),
                allreduce_ms=1e-6 * elements * (1 + 0.1 * sample),
                encode_ms=1.0,
                decode_ms=1.0,
                copy_ms=1.0,
                payload_bytes=codec_of(wire).payload_bytes(elements),
                received_bytes=codec_of(wire).payload_bytes(elements),
                error_ratio=1e-7 * 10**place,
                saturated_count=0,
            ),
            seed=0,
            repeat=0,
        )
        for world in worlds
        for elements in (1_000, 1_000_000)
        for sample in range(3)
        for place, wire in enumerate(FORMATS)
    ]
    append_rows(WIRE, results_dir, collect("mitdb", "quick"), rows)
