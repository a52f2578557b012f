"""`python -m module2_openmp_conv.train`: train the classifier with torch's convolutions and ours.

Trained on the training patients of DS1, scored on all of DS2 after each epoch. All kernels start
from the same weights and see the same batches; their epochs take turns.
"""

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from crossscale_data import find_source, load_beats
from crossscale_data.classifier import build_model
from crossscale_data.classifier_inputs import beat_inputs, select
from crossscale_data.records import DS2, TRAIN
from crossscale_results import Row, append_rows, collect
from crossscale_results.cli import run
from crossscale_results.rows import empty_columns
from module2_openmp_conv.blocks import fuse_blocks
from module2_openmp_conv.columns import TRAINING_TABLE, TrainingEpoch, TrainingMeasurement
from module2_openmp_conv.config import PROFILES, Train, check_positive, check_seed, set_threads
from module2_openmp_conv.extension import isa
from module2_openmp_conv.layer import replace_conv1d
from module2_openmp_conv.training import BeatTensors, beat_tensors, score, train_epoch, warm_up

_UNDEFINED = "the class neither occurs nor is predicted"


@dataclass(frozen=True)
class Trainee:
    """A model with its optimizer."""

    kernel: str
    kernels_isa: str
    model: nn.Module
    run: Callable[[Tensor, Tensor], Tensor]  # the model, compiled where that is the kernel
    optimizer: torch.optim.Optimizer


def train(config: Train) -> None:
    """Train, append a row for each epoch and kernel to the training table, and print each.

    Raises:
        UserError: an option is wrong, the data cannot be read, or the kernels are not built.
    """
    check_positive(
        epochs=config.epochs, batch_size=config.batch_size, learning_rate=config.learning_rate
    )
    check_seed(config.seed)
    set_threads(config.threads)
    source = find_source(config.data_dir)
    print(f"{source}; {torch.get_num_threads()} threads")
    inputs = beat_inputs(load_beats(source))
    beats, tested = beat_tensors(select(inputs, TRAIN)), beat_tensors(select(inputs, DS2))
    provenance = collect(source.dataset, "custom" if config.epochs else config.profile)
    for row in _epochs(config, beats, tested):
        append_rows(TRAINING_TABLE, config.results_dir, provenance, [row])
        macro = row.measurement.macro_4_f1
        tqdm.write(
            f"{row.config.kernel:16} epoch {row.config.epoch + 1}: "
            f"{row.measurement.epoch_s:.1f} s, loss {row.measurement.training_loss:.4f}, "
            f"DS2 macro-F1 {'undefined' if macro is None else f'{macro:.3f}'}"
        )


def _epochs(config: Train, beats: BeatTensors, tested: BeatTensors) -> Iterator[Row]:
    profile = PROFILES[config.profile]
    kernels = profile.kernels if config.kernel == "all" else (config.kernel,)
    trainees = [_trainee(kernel, config, beats) for kernel in kernels]
    for trainee in trainees:
        warm_up(trainee.model, trainee.run, beats, config.batch_size)
    order = random.Random(config.seed)
    for epoch in tqdm(range(config.epochs or profile.epochs), unit="epoch"):
        # Whoever goes second finds warmer caches and a warmer CPU: take turns in that, too.
        for trainee in order.sample(trainees, k=len(trainees)):
            epoch_s, loss = train_epoch(
                trainee.model,
                trainee.run,
                trainee.optimizer,
                beats,
                config.batch_size,
                config.seed,
                epoch,
            )
            yield _row(config, trainee, epoch, len(beats), epoch_s, loss, tested)


def _trainee(kernel: str, config: Train, beats: BeatTensors) -> Trainee:
    torch.manual_seed(config.seed)
    model = build_model(config.model, beats.waveform.shape[1], beats.context.shape[1])
    if kernel == "crossscale":
        model = replace_conv1d(model)
    elif kernel == "crossscale_fused":
        model = fuse_blocks(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    kernels_isa = isa() if kernel.startswith("crossscale") else "none"
    run = torch.compile(model) if kernel == "torch_compiled" else model
    return Trainee(kernel, kernels_isa, model, run, optimizer)


def _row(
    config: Train,
    trainee: Trainee,
    epoch: int,
    beats_count: int,
    epoch_s: float,
    loss: float,
    tested: BeatTensors,
) -> Row:
    result = score(trainee.model, tested)
    n_f1, s_f1, v_f1, f_f1, _ = result.f1
    measured = TrainingMeasurement(
        epoch_s, loss, n_f1, s_f1, v_f1, f_f1, macro_4_f1=result.macro_f1_4
    )
    run = TrainingEpoch(
        trainee.kernel, trainee.kernels_isa, config.model, config.batch_size, epoch, beats_count
    )
    undefined = dict.fromkeys(empty_columns(measured), _UNDEFINED)
    return Row(run, measured, config.seed, repeat=0, not_measured=undefined)


if __name__ == "__main__":
    sys.exit(run(Train, train, "python -m module2_openmp_conv.train", __doc__ or ""))
