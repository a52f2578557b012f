"""Columns of the table in which the shard grows, and stands in the page cache or not."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results import Table


@dataclass(frozen=True)
class ScaleRun:
    """Columns that say what was fed, and from where."""

    rung: Annotated[str, Doc("Rung of the ladder whose batches were assembled.")]
    copies_count: Annotated[int, Doc("Copies of the training windows in the shard.")]
    shard_windows_count: Annotated[int, Doc("Windows in the shard.")]
    shard_bytes: Annotated[int, Doc("Size of the shard on disk.")]
    cache: Annotated[
        Literal["warm", "cold", "limited"],
        Doc(
            "`warm`: the shard was read once before; `cold`: its pages had left the page cache; "
            "`limited`: read once, under a memory limit a quarter of its size."
        ),
    ]
    cooled_by: Annotated[
        str, Doc("What took its pages out: `posix_fadvise`, `drop_caches`, or `none`.")
    ]
    batch_size: Annotated[int, Doc("Windows in a batch.")]
    block_windows_count: Annotated[int, Doc("A2 on: windows in a run read from the shard.")]
    buffer_blocks_count: Annotated[int, Doc("A2 on: runs shuffled together.")]
    depth_count: Annotated[int, Doc("A3 on: buffers in the staging ring.")]
    fragment_windows_count: Annotated[int, Doc("Windows timed.")]


@dataclass(frozen=True)
class ScaleMeasurement:
    """Columns that say how fast, and in how much memory; of a fresh process each."""

    assembled_samples_per_s: Annotated[float | None, Doc("Windows assembled over wall time.")]
    assembled_gb_per_s: Annotated[
        float | None, Doc("Bytes of waveforms and labels over wall time, each counted once.")
    ]
    cached_before_ratio: Annotated[
        float | None, Doc("Share of the shard's pages in the page cache as the clock started.")
    ]
    minor_faults_count: Annotated[int | None, Doc("Page faults without a read from disk, timed.")]
    major_faults_count: Annotated[int | None, Doc("Page faults that read from disk, timed.")]
    peak_rss_bytes: Annotated[
        int | None, Doc("Largest resident memory, the shard's mapped pages included (`VmHWM`).")
    ]
    anonymous_bytes: Annotated[
        int | None, Doc("Resident memory of the process's own at the end (`RssAnon`).")
    ]
    file_backed_bytes: Annotated[
        int | None, Doc("Resident pages of files at the end, the page cache's (`RssFile`).")
    ]
    feed_bytes: Annotated[
        int | None, Doc("Growth of `RssAnon` by the feed: its order, its buffers, its ring.")
    ]
    order_bytes: Annotated[
        int | None, Doc("Python's and NumPy's memory of an epoch's order, rows or blocks.")
    ]
    memory_limit_bytes: Annotated[int | None, Doc("The control group's limit, `limited` only.")]


SCALE_TABLE = Table(
    "module1_scale",
    "Module 1: a row is a fragment of an epoch assembled from a larger, or colder, shard.",
    ScaleRun,
    ScaleMeasurement,
)
