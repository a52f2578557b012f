"""Was a promise broken? What a try showed, held against what a run that something happens to owes.

- **No hang**: all its processes are gone within the stated time.
- **No corrupt checkpoint**: a round that was kept stays intact, and the run can be gone on with; a
  file that was damaged from outside is refused in one sentence that names it.
- **No silent wrong model**: what a run ends with well is the model of the run that nothing happened
  to, to the bit, or the update that was left out is named.
"""

import re
from dataclasses import dataclass

import torch

from module3_mpi_gpu_overlap.fault_try import Ended, Model, Observed
from module3_mpi_gpu_overlap.faults import DAMAGES, POISONS, Promise


@dataclass(frozen=True)
class Verdict:
    """What became of the promises, and why."""

    promise: Promise  # `kept`, or what was broken
    message: str  # one line


def judge(seen: Observed) -> Verdict:
    """The first promise that was broken, if one was."""
    if not seen.ended.in_time:
        return Verdict("hang", f"processes were left after {seen.limit_s:g} s")
    if seen.ended.torn or (seen.resumed and seen.resumed.torn):
        return Verdict("corrupt checkpoint", "the model that it saved cannot be read")
    if seen.fault.kind in POISONS:
        return _judge_poison(seen)
    if seen.fault.kind in DAMAGES:
        return _judge_damage(seen)
    return _judge_signal(seen)


def _judge_signal(seen: Observed) -> Verdict:
    lost = max(seen.intact, default=-1) < max(seen.kept_before, *seen.kept, -1)
    if lost:
        kept = ", ".join(map(str, seen.kept)) or "none"
        return Verdict("corrupt checkpoint", f"kept rounds {kept}, of which intact {seen.intact}")
    if seen.ended.status == 0 and not same(seen.ended.model, seen.expected):
        return Verdict("silent wrong model", "status 0 and another model")
    if seen.fault.kind == "stopped rank" and seen.ended.status and not sentences(seen.ended):
        return Verdict("hang", "it ended, but no rank said what it waited for")
    return _judge_going_on(seen, _told(seen.ended))


def _judge_poison(seen: Observed) -> Verdict:
    note = (
        rf"note: round {seen.fault.round_index}: the update of client \d+ "
        rf"\(rank {seen.fault.rank}\) was screened out"
    )
    if seen.ended.status:
        said = sentences(seen.ended)
        if len(said) == 1:
            return Verdict("kept", f"ended: {said[0]}")
        return Verdict("silent wrong model", f"status {seen.ended.status}, and not one sentence")
    if not re.search(note, seen.ended.out):
        return Verdict("silent wrong model", "the bad update was not told of")
    if seen.ended.model is None or not all(map(_is_finite, seen.ended.model.values())):
        return Verdict("silent wrong model", "told of, but the model is not finite or missing")
    if not seen.intact or list(seen.intact) != list(seen.kept):
        return Verdict("corrupt checkpoint", "a kept round is not intact")
    return Verdict("kept", "told of and left out")


def _judge_damage(seen: Observed) -> Verdict:
    said = sentences(seen.ended)
    if seen.ended.status == 0:
        return Verdict("silent wrong model", f"{seen.damaged} was damaged and went unnoticed")
    if len(said) != 1 or seen.damaged not in said[0]:
        told = " / ".join(said) or "nothing"
        return Verdict("corrupt checkpoint", f"{seen.damaged} was to be named, but it said: {told}")
    if seen.intact:
        return Verdict("corrupt checkpoint", f"{seen.damaged} was damaged and its seal holds")
    return _judge_going_on(seen, f"refused: {said[0]}")


def _judge_going_on(seen: Observed, told: str) -> Verdict:
    resumed = seen.resumed
    assert resumed is not None
    if not resumed.in_time or resumed.status:
        why = " / ".join(sentences(resumed)) or f"status {resumed.status}"
        return Verdict("corrupt checkpoint", f"{told}; it could not be gone on with: {why}")
    if not same(resumed.model, seen.expected):
        return Verdict("silent wrong model", f"{told}; gone on with, it ended with another model")
    found = re.search(r"resumed after round (\d+)", resumed.out)
    after = int(found[1]) if found else -1
    if after < seen.kept_before:
        return Verdict("corrupt checkpoint", f"{told}; round {seen.kept_before} was lost")
    how = f"resumed after round {after}" if found else "begun anew"
    return Verdict("kept", f"{told}; {how}, the same model to the bit")


def same(model: Model | None, expected: Model) -> bool:
    """Whether two models have the same numbers, to the bit."""
    if model is None or model.keys() != expected.keys():
        return False
    return all(_bits(model[name]) == _bits(expected[name]) for name in expected)


def sentences(ended: Ended) -> list[str]:
    """What it said was wrong, on one line each, with files by their names alone."""
    lines = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    return [re.sub(r"\S*/", "", line.removeprefix("error: ")) for line in lines]


def _told(ended: Ended) -> str:
    if ended.status == 0:
        return "the run was done, the same model to the bit"
    return " / ".join(sentences(ended)) or f"ended with status {ended.status}"


def _bits(tensor: torch.Tensor) -> bytes:
    return tensor.numpy().tobytes()


def _is_finite(tensor: torch.Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())
