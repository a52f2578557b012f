"""Figures that look alike, say on what they were measured, and are the same bytes each time."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.ticker import EngFormatter
from PIL import Image

from crossscale_results import ResultsError
from crossscale_results.style import (
    COLOURS,
    MARKERS,
    ROWS_KEY,
    SYNTHETIC_WARNING,
    caption,
    label_decades,
    new_figure,
    save_figure,
    wrapped,
)

FrameOf = Callable[..., pd.DataFrame]
DRAWING = """
import sys
from pathlib import Path
import pandas as pd
from crossscale_results.style import new_figure, save_figure
figure, axes = new_figure(3.0, 2.0)
axes.plot([1, 2, 3], [3, 1, 2], label="a line")
axes.legend()
save_figure(figure, Path(sys.argv[1]), "toy", pd.read_json(sys.argv[2], dtype=False))
"""


def drawn(out_dir: Path, frame: pd.DataFrame) -> tuple[Figure, list[Path]]:
    """A figure of one line, saved."""
    figure, axes = new_figure(3.0, 2.0)
    axes.plot([1, 2, 3], [3, 1, 2], label="a line")
    axes.legend()
    return figure, save_figure(figure, out_dir, "toy", frame)


def test_a_figure_is_a_png_and_a_pdf_in_place_of_older_ones(
    tmp_path: Path, provenance_frame: FrameOf
) -> None:
    (tmp_path / "toy.png").write_bytes(b"old")
    _, (png, pdf) = drawn(tmp_path, provenance_frame())
    assert (png, pdf) == (tmp_path / "toy.png", tmp_path / "toy.pdf")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert sorted(tmp_path.iterdir()) == [pdf, png]


def test_the_same_rows_give_the_same_bytes_on_another_day(
    tmp_path: Path, provenance_frame: FrameOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for day in ("1", "2"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", f"{day}000000000")
        found.append([path.read_bytes() for path in drawn(tmp_path / day, provenance_frame())[1]])
    assert found[0] == found[1]
    assert b"Date" not in found[0][1]
    assert b"Software" not in found[0][0]


def test_other_rows_give_another_digest(tmp_path: Path, provenance_frame: FrameOf) -> None:
    frame = provenance_frame().assign(step_ms=[1.0, 2.0, 3.0])  # in neither drawing nor caption
    digests = set()
    for last in (3.0, 4.0):
        frame.loc[2, "step_ms"] = last
        png, pdf = drawn(tmp_path, frame)[1]
        with Image.open(png) as image:
            digests.add(image.info[ROWS_KEY["png"]])
        assert image.info[ROWS_KEY["png"]].encode() in pdf.read_bytes()
    assert len(digests) == 2


def test_the_same_rows_give_the_same_bytes_to_another_user(
    tmp_path: Path, provenance_frame: FrameOf
) -> None:
    frame = provenance_frame()
    frame.to_json(tmp_path / "frame.json")
    settings_file = tmp_path / "matplotlibrc"
    settings_file.write_text("font.size: 20\naxes.facecolor: red\nsavefig.dpi: 30\n")
    changed = {"MATPLOTLIBRC": str(settings_file), "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-c", DRAWING, str(tmp_path / "b"), str(tmp_path / "frame.json")]
    subprocess.run(command, check=True, env={**os.environ, **changed})
    for path in drawn(tmp_path / "a", frame)[1]:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_caption_stands_in_the_figure(tmp_path: Path, provenance_frame: FrameOf) -> None:
    frame = provenance_frame()
    figure, _ = drawn(tmp_path, frame)
    assert " ".join(figure.get_supxlabel().split()) == caption(frame)


def test_the_png_holds_the_caption_as_text(tmp_path: Path, provenance_frame: FrameOf) -> None:
    frame = provenance_frame(cpu_model="Prozessor™ 9 × 2")
    _, (png, _) = drawn(tmp_path, frame)
    with Image.open(png) as image:
        assert image.info["Description"] == caption(frame)


def test_the_png_is_opaque_and_keeps_its_resolution(
    tmp_path: Path, provenance_frame: FrameOf
) -> None:
    _, (png, _) = drawn(tmp_path, provenance_frame())
    with Image.open(png) as image:
        assert image.mode == "RGB"
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_the_caption_names_data_machine_sample_count_and_code(provenance_frame: FrameOf) -> None:
    assert caption(provenance_frame()) == (
        "Dataset mitdb; Example CPU w/ Graphics @ 2.00GHz, avx2, 4 cores, 2 threads; accelerator "
        "none; n = 3 rows, profile quick; CrossScale-ECG 0.1.0, commit abcdef012345"
    )


def test_the_caption_names_all_that_its_rows_differ_in(provenance_frame: FrameOf) -> None:
    other = provenance_frame(n=1, dataset="synthetic", cores_count=16, cpu_model="Another CPU")
    said = caption(pd.concat([other, provenance_frame(n=1)]))
    assert "Dataset mitdb / synthetic; Another CPU / Example CPU w/ Graphics @ 2.00GHz," in said
    assert "4 / 16 cores" in said
    assert "n = 2 rows" in said


def test_the_caption_of_one_row_on_one_core_is_in_the_singular(provenance_frame: FrameOf) -> None:
    said = caption(provenance_frame(n=1, cores_count=1, threads_count=1))
    assert "1 core, 1 thread; " in said
    assert "n = 1 row, " in said


def test_the_caption_tells_of_local_changes(provenance_frame: FrameOf) -> None:
    frame = pd.concat([provenance_frame(n=2), provenance_frame(n=1, git_dirty=True)])
    assert caption(frame).endswith("commit abcdef012345 with local changes")


def warnings_on(figure: Figure) -> list[Text]:
    """What the figure says about synthetic data."""
    return [text for text in figure.texts if text.get_text() == SYNTHETIC_WARNING]


@pytest.mark.parametrize("real_rows", [0, 2])
def test_a_figure_with_a_synthetic_row_says_so(
    tmp_path: Path, provenance_frame: FrameOf, real_rows: int
) -> None:
    synthetic = provenance_frame(n=1, dataset="synthetic")
    figure, _ = drawn(tmp_path, pd.concat([provenance_frame(n=real_rows), synthetic]))
    [warning] = warnings_on(figure)
    assert warning.get_window_extent().y1 < min(axes.get_tightbbox().y0 for axes in figure.axes)


def test_a_figure_of_real_data_has_no_such_warning(
    tmp_path: Path, provenance_frame: FrameOf
) -> None:
    figure, _ = drawn(tmp_path, provenance_frame(dataset="mitdb"))
    assert not warnings_on(figure)


def test_no_rows_are_no_figure(tmp_path: Path, provenance_frame: FrameOf) -> None:
    with pytest.raises(ResultsError, match="figure toy has no rows to show"):
        drawn(tmp_path / "figures", provenance_frame().iloc[:0])
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_the_old_figure_and_nothing_else(
    tmp_path: Path,
    provenance_frame: FrameOf,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    paths = [tmp_path / "toy.pdf", tmp_path / "toy.png"]
    for path in paths:
        path.write_bytes(b"old")

    def half(figure: Figure, path: Path, **options: Any) -> None:
        path.write_bytes(b"half a figure")
        raise error

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(type(error)):
        drawn(tmp_path, provenance_frame())
    assert [path.read_bytes() for path in paths] == [b"old", b"old"]
    assert sorted(tmp_path.iterdir()) == paths


def test_a_users_own_settings_do_not_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "red")
    _, axes = new_figure()
    assert axes.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    assert mpl.rcParams["font.family"] == ["DejaVu Sans"]


def test_several_axes_stand_side_by_side() -> None:
    figure, axes = new_figure(width_in=7.0, height_in=2.0, columns=3)
    assert axes.shape == (3,)
    assert figure.get_size_inches().tolist() == [7.0, 2.0]


@pytest.mark.parametrize(
    ("least", "most"), [(3.6e3, 5e6), (2e5, 5e6), (2.5e5, 3e5), (4.1e4, 3.9e6)]
)
def test_labels_of_decades_do_not_touch(least: float, most: float) -> None:
    figure, axes = new_figure(width_in=7.2, height_in=3.0, columns=2)
    axes[0].barh([0, 1], [least, most])
    axes[0].set_xscale("log")
    label_decades(axes[0], EngFormatter())
    figure.canvas.draw()
    labels = axes[0].get_xticklabels() + axes[0].get_xticklabels(minor=True)
    low, high = axes[0].get_xlim()
    shown = [text for text in labels if text.get_text() and low <= text.get_position()[0] <= high]
    boxes = sorted((text.get_window_extent() for text in shown), key=lambda box: box.x0)
    assert shown
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_every_series_has_a_colour_and_a_marker_of_its_own() -> None:
    assert len(set(COLOURS)) == len(COLOURS) == len(set(MARKERS)) == len(MARKERS) == 8


@settings(deadline=None, max_examples=15)
@given(st.lists(st.text("abcMi.", min_size=1, max_size=6), min_size=1, max_size=20))
def test_wrapped_lines_keep_their_words_and_the_width(words: list[str]) -> None:
    text = wrapped(" ".join(words), 6.5, 60)
    assert text.split() == words
    font = FontProperties(family="DejaVu Sans")
    for line in text.split("\n"):
        assert TextPath((0, 0), line, size=6.5, prop=font).get_extents().width <= 60


@pytest.mark.parametrize(
    ("accelerator", "device", "said"),
    [
        ("none", {}, "accelerator none;"),
        ("none", {"device": "cpu"}, "accelerator none;"),
        ("TEST GPU", {}, "accelerator TEST GPU;"),
        ("TEST GPU", {"device": "cpu"}, "accelerator TEST GPU, not used;"),
        ("none", {"device": None}, "accelerator none;"),
        ("TEST GPU", {"device": "cuda"}, "accelerator TEST GPU (cuda);"),
        ("TEST GPU", {"device": "auto", "device_type": "cuda"}, "accelerator TEST GPU (cuda);"),
    ],
)
def test_the_caption_says_whether_the_accelerator_computed(
    provenance_frame: Callable[..., pd.DataFrame],
    accelerator: str,
    device: dict[str, str],
    said: str,
) -> None:
    assert said in caption(provenance_frame(accelerator=accelerator).assign(**device))
