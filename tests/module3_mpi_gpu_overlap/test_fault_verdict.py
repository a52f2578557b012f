"""Each promise, broken and kept, by what was seen."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from module3_mpi_gpu_overlap.fault_try import Ended, Observed
from module3_mpi_gpu_overlap.fault_verdict import judge, same
from module3_mpi_gpu_overlap.faults import Fault, FaultKind

MODEL = {"weight": torch.tensor([1.0, 2.0])}
OTHER = {"weight": torch.tensor([1.0, 2.0000002])}
NOTE = "note: round 1: the update of client 0 (rank 0) was screened out: not finite"
REFUSED = "noise\nerror: /some/where/round-2.pt is damaged (on rank 1)\n"


def ended(status: int = 0, err: str = "", out: str = "", **other: Any) -> Ended:
    seen = Ended(status, True, 1.0, out, err, MODEL if status == 0 else None)
    return replace(seen, **other)


RESUMED = ended(out="resumed after round 2 from somewhere")


def observed(kind: FaultKind, own: Ended, **other: Any) -> Observed:
    fault = Fault(kind, 2, "G1", 0, 1, 0.5)
    seen = Observed(fault, "then", 13.0, own, MODEL, kept=[2], intact=[2], resumed=RESUMED)
    return replace(seen, **other)


STOPPED = ended(2, err="error: rank 1 has waited more than 3 s for a sum")
KEPT = [
    observed("killed rank", ended(9), kept_before=2),
    observed("killed rank", ended(9), kept=[], intact=[], resumed=ended()),
    observed("killed rank", ended()),  # so late that the run was done
    observed("killed mpiexec", ended(-9), kept_before=2),
    observed("stopped rank", STOPPED, kept_before=1),
    observed("NaN update", ended(out=NOTE, model=OTHER), resumed=None),
    observed("absurd loss", ended(2, err="error: no client's model was usable"), resumed=None),
    observed("flipped bit", ended(2, err=REFUSED), intact=[], damaged="round-2.pt"),
]
ANOTHER_MODEL = replace(RESUMED, model=OTHER)
BROKEN = [
    ("hang", observed("killed rank", ended(9, in_time=False))),
    ("hang", observed("stopped rank", ended(9))),  # ended, but without a word
    ("corrupt checkpoint", observed("killed rank", ended(9, torn=True))),
    ("corrupt checkpoint", observed("killed rank", ended(9), intact=[])),
    ("corrupt checkpoint", observed("killed rank", ended(9), kept_before=3)),
    ("corrupt checkpoint", observed("killed rank", ended(9), resumed=ended(2))),
    (
        "corrupt checkpoint",
        observed("stopped rank", STOPPED, kept_before=2, resumed=replace(RESUMED, out="")),
    ),
    ("corrupt checkpoint", observed("truncated state", ended(2), intact=[], damaged="round-2.pt")),
    (
        "corrupt checkpoint",
        observed("truncated state", ended(2, err=REFUSED), damaged="round-2.pt"),
    ),
    (
        "corrupt checkpoint",
        observed("flipped bit", ended(2, err=REFUSED * 2), intact=[], damaged="round-2.pt"),
    ),
    ("silent wrong model", observed("killed rank", ended(9), resumed=ANOTHER_MODEL)),
    ("silent wrong model", observed("killed rank", ended(model=OTHER))),
    ("silent wrong model", observed("flipped bit", ended(), intact=[], damaged="round-2.pt")),
    ("silent wrong model", observed("absurd update", ended(model=OTHER))),
    ("silent wrong model", observed("NaN update", ended(out=NOTE.replace("round 1", "round 2")))),
    (
        "silent wrong model",
        observed("NaN update", ended(out=NOTE, model={"weight": torch.tensor([torch.nan])})),
    ),
    ("silent wrong model", observed("absurd loss", ended(1))),
]


@pytest.mark.parametrize("seen", KEPT, ids=lambda seen: seen.fault.kind)
def test_a_run_that_owns_up_and_can_be_gone_on_with_keeps_its_promises(seen: Observed) -> None:
    verdict = judge(seen)
    assert verdict.promise == "kept", verdict.message
    assert "\n" not in verdict.message
    assert "/some" not in verdict.message


@pytest.mark.parametrize(("promise", "seen"), BROKEN)
def test_a_broken_promise_is_found(promise: str, seen: Observed) -> None:
    assert judge(seen).promise == promise


def test_models_are_the_same_to_the_bit_or_not_at_all() -> None:
    assert same(MODEL, dict(MODEL))
    assert not same({"weight": torch.tensor([0.0])}, {"weight": torch.tensor([-0.0])})
    assert not same({}, MODEL)
    assert not same(None, MODEL)
