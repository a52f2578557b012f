"""A fragment's steps as a Chrome trace, which https://ui.perfetto.dev opens."""

import json
from pathlib import Path
from typing import Any

from crossscale_results.whole_file import whole_file
from module1_locality.measure import Fragment
from module1_locality.rungs import Rung
from module1_locality.stopwatch import Span

_PROCESS = 1


def trace_path(results_dir: Path, rung: Rung) -> Path:
    """Where a rung's trace lies."""
    return results_dir / "traces" / f"module1_{rung.name}.json"


def write_trace(path: Path, rung: Rung, batch_size: int, fragment: Fragment) -> None:
    """Write one fragment's spans; a file appears whole or not at all.

    Lanes are what runs side by side: the training loop, whoever assembles, copies, compute. Times
    are in µs from the first span; an accelerator's are on the host's clock, as its events tell.
    """
    spans = fragment.spans
    assembler = "filler thread" if rung.filler else "training loop: assembly"
    lanes = [
        ("training loop: wait", "wait", spans.wait),
        (assembler, "assembly", spans.assembly),
        ("copies", "copy", spans.copy),
        ("compute", "compute", spans.compute),
    ]
    origin = min((lane[0][0] for _, _, lane in lanes if lane), default=0.0)
    events = [_named("process_name", 0, f"{rung.name}, batch {batch_size}")]
    for thread, (title, name, lane) in enumerate(lanes, start=1):
        events.append(_named("thread_name", thread, title))
        events += [_complete(name, thread, span, origin) for span in lane]
    text = json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        unfinished.write_text(text)


def _named(what: str, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": _PROCESS, "tid": thread, "args": {"name": name}}


def _complete(name: str, thread: int, span: Span, origin: float) -> dict[str, Any]:
    start, end = span
    return {
        "ph": "X",
        "name": name,
        "pid": _PROCESS,
        "tid": thread,
        "ts": round(1e6 * (start - origin), 3),
        "dur": round(1e6 * (end - start), 3),
    }
