"""The comparison end to end on a short database, and contestants that must not be timed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossscale_data import Source
from crossscale_results import UserError, read_table
from crossscale_results.cli import run
from module1_locality.epoch import Epoch
from module1_locality.gather import HostBatch
from module1_locality.peer_columns import PEERS_TABLE
from module1_locality.peer_figure import draw_peers
from module1_locality.peers import compare
from module1_locality.peers.compare import compare_peers
from module1_locality.peers.config import PROFILES, Peers, bench_of
from module1_locality.peers.contestant import Contestant, Job, OpenEpoch, Way
from module1_locality.peers.summary import render_peers

pytestmark = pytest.mark.timeout(120)


def small(source: Source, folder: Path, *contestants: str) -> Peers:
    return Peers(
        data_dir=source.directory,
        results_dir=folder / "results",
        scratch_dir=folder,
        contestants=contestants,
        batch_sizes=(64,),
        repeats=2,
        fragment_windows=1024,
    )


def test_rows_stand_beside_the_memcpy_of_their_round(
    short_synthetic: Source, tmp_path: Path
) -> None:
    compare_peers(small(short_synthetic, tmp_path, "A0", "A5", "torch DataLoader"))
    frame = read_table(PEERS_TABLE, tmp_path / "results")
    counts = frame.groupby(["contestant", "choice"]).size().to_dict()
    ours = {("memcpy", "default"): 2, ("A0", "default"): 2, ("A5", "default"): 2}
    peers = {("torch DataLoader", "default"): 2, ("torch DataLoader", "best"): 2}
    assert counts in (ours | peers, ours | {("torch DataLoader", "default"): 2})
    for _, rows in frame.groupby("repeat"):
        assert rows.iloc[0]["contestant"] == "memcpy"
        assert (rows["memcpy_gb_per_s"] == rows.iloc[0]["assembled_gb_per_s"]).all()
    second = [rows.iloc[1]["contestant"] for _, rows in frame.groupby("repeat")]
    assert second == ["A0", "A5"]  # another one is first each time
    assert frame["on_disk_bytes"].isna().all()
    assert (frame["profile"] == "custom").all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]
    text = render_peers(tmp_path / "results")
    assert "memcpy" in text
    assert "A5" in text
    assert [path.name for path in draw_peers(tmp_path / "results", tmp_path / "figures")] == [
        "module1_peers.png",
        "module1_peers.pdf",
    ]


def forgets_labels(job: Job) -> OpenEpoch:
    def open_epoch(_: Epoch) -> Iterator[HostBatch]:
        raise ValueError("no such column")
        yield

    return open_epoch


def serves_nothing(job: Job) -> OpenEpoch:
    return lambda _: iter(())


@pytest.mark.parametrize(
    ("open_way", "module", "said"),
    [
        (serves_nothing, "torch", "refused, since an epoch holds 0 windows instead of"),
        (forgets_labels, "torch", "it failed: ValueError"),
        (serves_nothing, "no_such_library", "no_such_library is not installed"),
    ],
)
def test_who_is_wrong_or_absent_has_a_row_with_the_reason(
    open_way: object,
    module: str,
    said: str,
    short_synthetic: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way = Way("as it comes", "random", open_way)  # type: ignore[arg-type]
    bad = Contestant("bad", "peer", "no-such-library", module, way)
    monkeypatch.setattr(compare, "CONTESTANTS", (*compare.CONTESTANTS, bad))
    monkeypatch.setattr(compare, "bench_of", lambda config: bench_of(small(*places, "A3")))
    places = (short_synthetic, tmp_path)
    compare_peers(small(*places, "A3", "bad"))
    frame = read_table(PEERS_TABLE, tmp_path / "results")
    (row,) = frame[frame["contestant"] == "bad"].to_dict("records")
    assert said in row["not_measured"]
    assert row["library_version"] == "none"
    assert f"not measured: {said}" in render_peers(tmp_path / "results")
    assert len(frame[frame["contestant"] == "A3"]) == 2


def test_an_unknown_contestant_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["peers", "--contestants", "B7"])
    assert run(Peers, compare_peers, "peers", "") == 2
    assert "'B7' is no contestant" in capsys.readouterr().err
    with pytest.raises(UserError, match="is empty"):
        bench_of(Peers(contestants=()))


def test_a_profile_is_named_only_where_it_was_kept(tmp_path: Path) -> None:
    assert Peers(results_dir=tmp_path, seed=4).profile_name == "quick"
    assert Peers(profile="paper", repeats=1).profile_name == "custom"
    assert Peers(profile="paper").filled() == PROFILES["paper"]
