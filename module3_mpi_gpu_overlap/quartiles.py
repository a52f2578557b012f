"""A line through medians, in a band from the first quartile to the third."""

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

if TYPE_CHECKING:
    from pandas.core.groupby import SeriesGroupBy


def draw_quartiles(
    axes: Axes, by_place: "SeriesGroupBy[Any, Any]", band_alpha: float = 0.2, **line: Any
) -> None:
    """Draw samples grouped by their place on the x axis; `line` is its colour and the like."""
    low, middle, high = (by_place.quantile(q).astype(float) for q in (0.25, 0.5, 0.75))
    axes.plot(middle.index, middle, **line)
    axes.fill_between(middle.index, low, high, color=line["color"], alpha=band_alpha, linewidth=0)
