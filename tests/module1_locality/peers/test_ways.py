"""Every way of every library delivers each window once, each epoch in another order."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from crossscale_results.libraries import why_absent
from module1_locality.epoch import Epoch
from module1_locality.peers.contestant import Contestant, Job, Way
from module1_locality.peers.contestants import CONTESTANTS
from module1_locality.peers.same_windows import fingerprints_of, why_refused
from module1_locality.training_windows import TrainingWindows

WAYS = [
    (contestant, way)
    for contestant in CONTESTANTS
    for way in (contestant.default, *contestant.candidates)
]

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:.*not writable", "ignore::UserWarning:streaming"),
]


@pytest.mark.parametrize(
    ("contestant", "way"), WAYS, ids=[f"{entry.name}-{way.settings}" for entry, way in WAYS]
)
def test_an_epoch_holds_each_window_once(
    contestant: Contestant,
    way: Way,
    learnable_windows: TrainingWindows,
    make_epoch: Callable[..., Epoch],
    tmp_path: Path,
) -> None:
    if reason := why_absent(contestant.module):
        pytest.skip(reason)
    rows = np.concatenate([np.arange(20, 300), np.arange(310, 517)])  # a gap, and no whole batches
    windows = TrainingWindows(learnable_windows.samples, learnable_windows.label, rows)
    job = Job(windows, batch_size=32, seed=3, workers=2, folder=tmp_path)
    if way.format:
        way.format.write(job)
    open_epoch = way.open(job)
    firsts = []
    for number in (0, 1):
        epoch = make_epoch(windows, batch_size=32, epoch=number, block_windows=16)
        batches = [(w.clone(), label.clone()) for w, label in open_epoch(epoch)]
        assert why_refused(batches, fingerprints_of(windows), 32) is None
        firsts.append(batches[0][0])
    assert not torch.equal(*firsts)
