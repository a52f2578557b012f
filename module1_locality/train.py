"""`python -m module1_locality.train`: how well the suite's classifier does on unseen patients.

Trained on DS1, fed by a rung of the ladder, and scored on DS2, whole and record by record; every
score is a row of `results/module1_classifier.csv`. With `--protocol cross-validation` DS2 is not
touched.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from crossscale_data import Source, find_source
from crossscale_data.classifier import parameter_count
from crossscale_data.code_crc import code_crc
from crossscale_data.packed_inputs import (
    PackedInputs,
    inputs_code,
    load_packed_inputs,
    rows_of_records,
)
from crossscale_results import UserError, append_rows, collect
from crossscale_results.cli import run
from module1_locality.classifier_checkpoint import Checkpoint
from module1_locality.classifier_columns import CLASSIFIER_TABLE
from module1_locality.classifier_feed import check_rung, train_by_rung
from module1_locality.classifier_report import render_report
from module1_locality.classifier_rows import Trained, classifier_rows, confusions
from module1_locality.classifier_splits import Split, splits_of
from module1_locality.classifier_training import ClassifierTraining, predict
from module1_locality.lanes import Lane, find_lane
from module1_locality.train_config import Plan, Train, Variant, plan_of
from module1_locality.training_windows import TrainingWindows, touch

# The modules whose code decides a training's weights, beside those that make its inputs.
_MODEL_BY = ("classifier",)
_TRAINED_BY = (
    *("batch_maker", "classifier_feed", "classifier_training", "copies", "epoch", "feed"),
    *("gather", "loaders", "orders", "rungs", "shuffle_buffer", "staging"),
)


def train(config: Train) -> None:
    """Train and score each variant under each seed, append the rows, and print the scores.

    Raises:
        UserError: an option is wrong, the data cannot be read, a checkpoint is not this
            training's, or results cannot be written.
    """
    plan, lane = plan_of(config), find_lane(config.device)
    check_rung(config.feeding.rung, lane)
    torch.set_num_threads(plan.threads)
    source = find_source(config.data_dir)
    print(f"{source}; {torch.get_num_threads()} threads, fed by {config.feeding.rung}")
    _check_checkpoints(config, plan)
    provenance = collect(source.dataset, plan.profile)
    for variant in plan.variants:
        inputs = load_packed_inputs(source, variant.rr_reference)
        for seed in plan.seeds:
            trained = _trained(config, variant, seed, source, inputs, lane)
            rows = classifier_rows(trained, config, variant, seed)
            append_rows(CLASSIFIER_TABLE, config.results_dir, provenance, rows)
            whole = rows[0]
            macro = whole.measurement.macro_4_f1
            tqdm.write(
                f"{_title(variant, seed)}: trained in {trained.training_s:.0f} s, "
                f"{whole.config.scored_on} macro-F1 (N S V F) "
                f"{'undefined' if macro is None else f'{macro:.3f}'}"
            )
    print(render_report(config.results_dir, config.protocol))


def _trained(
    config: Train, variant: Variant, seed: int, source: Source, inputs: PackedInputs, lane: Lane
) -> Trained:
    """A training for each split, and what the beats that each held out were called."""
    splits = splits_of(config.protocol)
    label = inputs.label.astype(np.int64)
    scored = rows_of_records(inputs, [record for split in splits for record in split.held_out])
    called = np.empty(len(inputs.label), np.int64)
    training_s, beats_trained = 0.0, 0
    for split in splits:
        windows = TrainingWindows(inputs.rows, label, rows_of_records(inputs, split.seen))
        touch(windows)
        training = ClassifierTraining(
            inputs, len(windows), variant.model, config.recipe, seed, lane
        )
        checkpoint = _checkpoint(config, variant, seed, split, source, lane)
        if config.resume and checkpoint is not None and checkpoint.path.exists():
            _resume(training, checkpoint)
        title = _title(variant, seed)
        train_by_rung(training, windows, config.feeding, seed, lane, checkpoint, title)
        training_s += training.training_s
        beats_trained += training.beats_trained
        held_out = rows_of_records(inputs, split.held_out)
        called[held_out] = predict(training.network, inputs, held_out)
    return Trained(
        confusions(inputs.label[scored], inputs.record[scored], called[scored]),
        parameter_count(training.network),
        lane.device.type,
        training_s,
        beats_trained,
    )


def _resume(training: ClassifierTraining, checkpoint: Checkpoint) -> None:
    state = checkpoint.load()
    try:
        training.restore(state)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:  # as torch refuses weights
        raise UserError(
            f"{checkpoint.path} holds weights of another network or optimiser: remove it, and its "
            "training begins anew"
        ) from error


def _check_checkpoints(config: Train, plan: Plan) -> None:
    """Make the folder; neither overwrite a training in it, nor begin where one was to go on.

    Raises:
        UserError: that would be so, or the folder cannot be made.
    """
    folder = config.checkpoint
    if folder is None:
        return
    names = [
        _checkpoint_name(variant, seed, split)
        for variant in plan.variants
        for seed in plan.seeds
        for split in splits_of(config.protocol)
    ]
    kept = [name for name in names if (folder / name).exists()]
    if config.resume and not kept:
        raise UserError(
            f"there is nothing to resume in {folder}: it holds no {names[0]}"
            f"{' or another checkpoint of this plan' if len(names) > 1 else ''}; leave out "
            "--resume to begin"
        )
    if kept and not config.resume:
        raise UserError(
            f"{folder / kept[0]} is there already: give --resume to go on from it, or another "
            "folder to begin anew"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--checkpoint {folder} cannot be made ({error.strerror})") from error


def _checkpoint(
    config: Train, variant: Variant, seed: int, split: Split, source: Source, lane: Lane
) -> Checkpoint | None:
    """Where the training is kept, with all that its weights depend on."""
    if config.checkpoint is None:
        return None
    about: dict[str, Any] = {
        "dataset": f"{source.dataset} {source.checksum}",
        **{f"inputs_{name}": crc for name, crc in inputs_code().items()},
        "model_code": code_crc(_MODEL_BY),
        "training_code": code_crc(_TRAINED_BY, Path(__file__).parent),
        "trained_on": list(split.seen),
        **asdict(variant),
        "seed": seed,
        **asdict(config.recipe),
        **asdict(config.feeding),
        "device": lane.device.type,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }
    return Checkpoint(config.checkpoint / _checkpoint_name(variant, seed, split), about)


def _checkpoint_name(variant: Variant, seed: int, split: Split) -> str:
    return f"{variant.model}-{variant.rr_reference}-seed{seed}-{split.name}.pt"


def _title(variant: Variant, seed: int) -> str:
    return f"{variant.model}, RR against {variant.rr_reference}, seed {seed}"


if __name__ == "__main__":
    sys.exit(run(Train, train, "python -m module1_locality.train", __doc__ or ""))
