"""The figure of the other data loaders: labels that can be read, whatever the rates."""

from itertools import pairwise

import pytest
from matplotlib.ticker import EngFormatter

from crossscale_results.style import new_figure
from module1_locality.peer_figure import label_sparsely


@pytest.mark.parametrize(
    ("slowest", "fastest"), [(3.6e3, 5e6), (2e5, 5e6), (2.5e5, 3e5), (4.1e4, 3.9e6)]
)
def test_labels_do_not_touch(slowest: float, fastest: float) -> None:
    figure, axes = new_figure(width_in=7.2, height_in=3.0, columns=2)
    axes[0].barh([0, 1], [slowest, fastest])
    axes[0].set_xscale("log")
    label_sparsely(axes[0], EngFormatter())
    figure.canvas.draw()
    labels = axes[0].get_xticklabels() + axes[0].get_xticklabels(minor=True)
    low, high = axes[0].get_xlim()
    shown = [text for text in labels if text.get_text() and low <= text.get_position()[0] <= high]
    boxes = sorted((text.get_window_extent() for text in shown), key=lambda box: box.x0)
    assert shown
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
