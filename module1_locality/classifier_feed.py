"""A classifier trained by a rung of the ladder, and taken up again from its checkpoint."""

from collections.abc import Generator
from contextlib import closing

import torch
from tqdm import tqdm

from crossscale_results import UserError
from module1_locality.classifier_checkpoint import Checkpoint
from module1_locality.classifier_training import ClassifierTraining
from module1_locality.epoch import Epoch
from module1_locality.feed import open_feed
from module1_locality.lanes import Batch, Lane
from module1_locality.rungs import RUNGS, Rung, why_not
from module1_locality.shuffle_buffer import BlockShuffle
from module1_locality.stopwatch import Stopwatch
from module1_locality.train_config import Feeding
from module1_locality.training_windows import TrainingWindows


def check_rung(rung: str, lane: Lane) -> None:
    """Refuse a rung that cannot train here.

    Raises:
        UserError: it serves one batch for ever, or means nothing on this machine.
    """
    reasons = {name: _why_not_trained(RUNGS[name], lane) for name in RUNGS}
    if reasons[rung]:
        able = ", ".join(name for name, reason in reasons.items() if not reason)
        raise UserError(f"--rung {rung} cannot train: {reasons[rung]}; choose from {able}")


def _why_not_trained(rung: Rung, lane: Lane) -> str | None:
    if rung.is_control:
        return "it serves one batch over and over"
    if rung.captured:
        return "only the bench's step is captured"
    return why_not(rung, lane.has_accelerator)


def train_by_rung(
    training: ClassifierTraining,
    windows: TrainingWindows,
    feeding: Feeding,
    seed: int,
    lane: Lane,
    checkpoint: Checkpoint | None,
    title: str,
) -> None:
    """Train the epochs that are not done yet; each is in the checkpoint once it is done.

    Args:
        training: fresh, or restored.
        windows: packed rows, and which of them are trained on.
        feeding: the rung and its sizes.
        seed: of the epochs' orders.
        lane: the batches' way to the device.
        checkpoint: where to keep it, if anywhere.
        title: what to write at the progress bar.

    Raises:
        UserError: the checkpoint cannot be written.
    """
    steps = training.epochs * training.steps_per_epoch
    done = training.epochs_done * training.steps_per_epoch
    with tqdm(
        total=steps, initial=done, desc=title, unit="step", leave=False, mininterval=0.5
    ) as bar:
        for epoch in range(training.epochs_done, training.epochs):
            shuffle = BlockShuffle(feeding.block_windows, feeding.buffer_blocks, seed, epoch)
            made = Epoch(windows, training.batch_size, shuffle, feeding.workers, feeding.depth)
            with closing(whole_batches(feeding.rung, made, lane)) as batches:
                training.train_epoch(batches, bar)
            if checkpoint is not None:
                checkpoint.save(training.state())


def whole_batches(rung: str, epoch: Epoch, lane: Lane) -> Generator[Batch, None, None]:
    """The rung's batches of an epoch but a smaller last one."""
    with closing(open_feed(RUNGS[rung], epoch, lane, Stopwatch())) as feed:
        # A DataLoader draws a seed for its workers: the rung must not change what training draws.
        with torch.random.fork_rng(devices=[]):
            batch = next(feed, None)
        while batch is not None and len(batch[1]) == epoch.batch_size:
            yield batch
            batch = next(feed, None)
