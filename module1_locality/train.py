"""`python -m module1_locality.train`: how well the suite's classifier does on unseen patients.

Trained on DS1 and scored on DS2, whole and record by record; every score is a row of
`results/module1_classifier.csv`. With `--protocol cross-validation` DS2 is not touched.
"""

import sys
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from crossscale_data import Beats, find_source, load_beats
from crossscale_data.classifier import parameter_count
from crossscale_data.classifier_inputs import BeatInputs, beat_inputs, select
from crossscale_data.records import DS1, DS2, FOLDS
from crossscale_results import append_rows, collect
from crossscale_results.cli import run
from module1_locality.classifier_report import render_report
from module1_locality.classifier_rows import classifier_rows, confusions
from module1_locality.classifier_training import predict, train_classifier
from module1_locality.columns import CLASSIFIER_TABLE
from module1_locality.train_config import Plan, Train, Variant, plan_of


def train(config: Train) -> None:
    """Train and score each variant under each seed, append the rows, and print the scores.

    Raises:
        UserError: an option is wrong, the data cannot be read, or results cannot be written.
    """
    plan = plan_of(config)
    torch.set_num_threads(plan.threads)
    source = find_source(config.data_dir)
    print(f"{source}; {torch.get_num_threads()} threads")
    beats = load_beats(source)
    provenance = collect(source.dataset, plan.profile)
    for variant, inputs in _inputs_of_variants(plan, beats):
        for seed in plan.seeds:
            title = f"{variant.model}, RR against {variant.rr_reference}, seed {seed}"
            scored, predicted, network, training_s = _trained(config, variant, inputs, seed, title)
            rows = classifier_rows(
                confusions(scored, predicted),
                config,
                variant,
                seed,
                parameter_count(network),
                training_s,
            )
            append_rows(CLASSIFIER_TABLE, config.results_dir, provenance, rows)
            whole = rows[0]
            macro = whole.measurement.macro_4_f1
            tqdm.write(
                f"{title}: trained in {training_s:.0f} s, {whole.config.scored_on} macro-F1 "
                f"(N S V F) {'undefined' if macro is None else f'{macro:.3f}'}"
            )
    print(render_report(config.results_dir, config.protocol))


def _inputs_of_variants(plan: Plan, beats: Beats) -> Iterator[tuple[Variant, BeatInputs]]:
    """Each variant with its inputs; the last reference's are kept."""
    made: tuple[str, BeatInputs] | None = None
    for variant in plan.variants:
        if made is None or made[0] != variant.rr_reference:
            made = variant.rr_reference, beat_inputs(beats, variant.rr_reference)
        yield variant, made[1]


def _trained(
    config: Train, variant: Variant, inputs: BeatInputs, seed: int, title: str
) -> tuple[BeatInputs, npt.NDArray[np.int64], nn.Module, float]:
    """What was scored, the class called for each of its beats, the last network, and seconds."""
    splits: list[tuple[tuple[int, ...], tuple[int, ...]]] = [(DS1, DS2)]
    if config.protocol == "cross-validation":
        splits = [(tuple(r for r in DS1 if r not in fold), fold) for fold in FOLDS]
    scored = select(inputs, [record for _, held_out in splits for record in held_out])
    predicted = np.empty(len(scored.label), np.int64)
    training_s = 0.0
    for seen, held_out in splits:
        start = time.perf_counter()
        network = train_classifier(select(inputs, seen), variant.model, config.recipe, seed, title)
        training_s += time.perf_counter() - start
        rows = np.isin(scored.record, held_out)
        predicted[rows] = predict(network, select(inputs, held_out))
    return scored, predicted, network, training_s


if __name__ == "__main__":
    sys.exit(run(Train, train, "python -m module1_locality.train", __doc__ or ""))
