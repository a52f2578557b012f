"""`python -m module1_locality.order_accuracy`: what a batch's locality costs in accuracy.

The suite's classifier is trained in several orders of the same beats for as many epochs, under
each seed, and scored on patients it has not seen; every training is a row of
`results/module1_orders.csv`. Batches come by a plain gather: accuracy depends on the order alone.
With `--protocol cross-validation` DS2 is not touched.
"""

import sys
from dataclasses import asdict, replace
from itertools import product

import numpy as np
import torch
from tqdm import tqdm

from crossscale_data import find_source
from crossscale_data.packed_inputs import PackedInputs, load_packed_inputs, rows_of_records
from crossscale_data.records import subject_of
from crossscale_data.scores import confusion_matrix, scores
from crossscale_results import Provenance, Row, UserError, append_rows, collect, read_table
from crossscale_results.cli import run
from crossscale_results.rows import empty_columns
from module1_locality.classifier_rows import UNDEFINED
from module1_locality.classifier_splits import splits_of
from module1_locality.classifier_training import ClassifierTraining, predict
from module1_locality.epoch_orders import (
    Order,
    assembled_samples_per_s,
    epoch_rows,
    gathered_batches,
)
from module1_locality.lanes import Lane, find_lane
from module1_locality.order_columns import ORDER_TABLE, OrderMeasurement, OrderRun
from module1_locality.order_config import OrderAccuracy, OrderPlan, order_plan_of
from module1_locality.order_summary import order_of, render_orders
from module1_locality.summary import latest_run
from module1_locality.training_windows import TrainingWindows, touch
from module1_locality.variety import distinct_per_batch

Cell = tuple[Order, int]  # and the seed


def order_accuracy(config: OrderAccuracy) -> None:
    """Train in every order under every seed, append a row for each, and print the comparison.

    Raises:
        UserError: an option is wrong, the data cannot be read, results cannot be written, or the
            last run cannot be resumed.
    """
    plan, lane = order_plan_of(config), find_lane(config.device)
    torch.set_num_threads(plan.threads)
    source = find_source(config.data_dir)
    print(f"{source}; {torch.get_num_threads()} threads")
    provenance = collect(source.dataset, plan.profile)
    # Seed by seed: what there is of an interrupted run is spread over the orders evenly.
    cells = [(order, seed) for seed, order in product(plan.seeds, plan.orders)]
    if config.resume:
        provenance, done = last_run(config, plan, provenance, lane)
        cells = [cell for cell in cells if cell not in done]
        print(f"run {provenance.run_id} goes on: {len(cells)} trainings are left")
    inputs = load_packed_inputs(source, config.rr_reference)
    for number, (order, seed) in enumerate(cells, 1):
        title = f"{number} of {len(cells)}: {order}, seed {seed}"
        measured = train_in_order(config, plan, inputs, order, seed, lane, title)
        row = Row(
            _run(config, plan, order, lane),
            measured,
            seed=seed,
            repeat=0,
            not_measured=dict.fromkeys(empty_columns(measured), UNDEFINED),
        )
        append_rows(ORDER_TABLE, config.results_dir, provenance, [row])
        macro = measured.macro_4_f1
        tqdm.write(
            f"{title}: macro-F1 {'undefined' if macro is None else f'{macro:.3f}'} "
            f"in {measured.training_s:.0f} s"
        )
    print(render_orders(config.results_dir, config.protocol))


def train_in_order(
    config: OrderAccuracy,
    plan: OrderPlan,
    inputs: PackedInputs,
    order: Order,
    seed: int,
    lane: Lane,
    title: str,
) -> OrderMeasurement:
    """A training for each split in that order, scored on the beats that each held out."""
    splits = splits_of(config.protocol)
    label = inputs.label.astype(np.int64)
    subject = np.array([subject_of(record) for record in inputs.record.tolist()])
    called = np.empty(len(label), np.int64)
    classes, patients = [], []
    training_s = 0.0
    for split in splits:
        windows = TrainingWindows(inputs.rows, label, rows_of_records(inputs, split.seen))
        touch(windows)
        training = ClassifierTraining(inputs, len(windows), config.model, plan.recipe, seed, lane)
        steps, size = training.epochs * training.steps_per_epoch, training.batch_size
        with tqdm(total=steps, desc=title, unit="step", leave=False, mininterval=0.5) as bar:
            for epoch in range(training.epochs):
                rows = epoch_rows(order, windows.rows, seed, epoch)
                training.train_epoch(gathered_batches(windows, rows, size, lane), bar)
                classes.append(distinct_per_batch(label[rows], size))
                patients.append(distinct_per_batch(subject[rows], size))
        training_s += training.training_s
        held_out = rows_of_records(inputs, split.held_out)
        called[held_out] = predict(training.network, inputs, held_out)
    scored = rows_of_records(inputs, [record for split in splits for record in split.held_out])
    found = scores(confusion_matrix(label[scored], called[scored]))
    n_f1, s_f1, v_f1, f_f1, _ = found.f1
    return OrderMeasurement(
        classes_per_batch_count=float(np.concatenate(classes).mean()),
        patients_per_batch_count=float(np.concatenate(patients).mean()),
        macro_4_f1=found.macro_f1_4,
        n_f1=n_f1,
        s_f1=s_f1,
        v_f1=v_f1,
        f_f1=f_f1,
        accuracy_ratio=found.accuracy,
        training_s=training_s,
        assembled_samples_per_s=assembled_samples_per_s(order, windows, size, seed),
    )


def last_run(
    config: OrderAccuracy, plan: OrderPlan, provenance: Provenance, lane: Lane
) -> tuple[Provenance, set[Cell]]:
    """The provenance of the last run in the results, and what of it is done.

    Raises:
        UserError: there is no run, or it was another configuration's, data's, code's or machine's.
    """
    rows = latest_run(read_table(ORDER_TABLE, config.results_dir))
    wanted = asdict(provenance) | asdict(_run(config, plan, plan.orders[0], lane))
    own = {"run_id", "time_utc", "order", "block_windows_count", "buffer_blocks_count"}
    for name, value in wanted.items():
        if name not in own and (rows[name] != value).any():
            raise UserError(
                f"the last run in {config.results_dir} cannot be resumed: its {name} is "
                f"{rows[name].iloc[0]}, here it is {value}; leave out --resume to begin anew"
            )
    continued = replace(
        provenance, run_id=str(rows["run_id"].iloc[0]), time_utc=str(rows["time_utc"].iloc[0])
    )
    done = {(order_of(row), int(row["seed"])) for _, row in rows.iterrows()}
    return continued, done


def _run(config: OrderAccuracy, plan: OrderPlan, order: Order, lane: Lane) -> OrderRun:
    return OrderRun(
        protocol=config.protocol,
        order=order.name,
        block_windows_count=order.block_windows,
        buffer_blocks_count=order.buffer_blocks,
        model=config.model,
        rr_reference=config.rr_reference,
        epochs=plan.recipe.epochs,
        batch_size=plan.recipe.batch_size,
        learning_rate=plan.recipe.learning_rate,
        rare_weight_ratio=plan.recipe.rare_weight,
        device=lane.device.type,
        scored_on="DS2" if config.protocol == "test" else "DS1",
    )


if __name__ == "__main__":
    sys.exit(
        run(
            OrderAccuracy,
            order_accuracy,
            "python -m module1_locality.order_accuracy",
            __doc__ or "",
        )
    )
