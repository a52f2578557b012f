"""What `train` is asked to do: its command line, and the models that a profile stands for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from typing_extensions import Doc

from crossscale_data.rr_context import RrReference
from crossscale_results import UserError
from crossscale_results.provenance import usable_cores
from module1_locality.classifier_splits import Protocol
from module1_locality.config import DataDir, Device, ResultsDir, Threads
from module1_locality.rungs import RungName

ModelName = Literal["beatnet", "tinyecg"]


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained; chosen by cross-validation over DS1's patients."""

    epochs: Annotated[int, Doc("Passes over the training beats.")] = 5
    batch_size: Annotated[int, Doc("Beats in a batch.")] = 256
    learning_rate: Annotated[float, Doc("AdamW's largest step size, of one cycle.")] = 3e-3
    rare_weight: Annotated[float, Doc("Weight of S and F beats in the loss; others weigh 1.")] = 3.0


@dataclass(frozen=True)
class Feeding:
    """How beats come to the training."""

    rung: Annotated[RungName, Doc("Rung of the ladder that feeds the training.")] = "A5"
    block_windows: Annotated[int, Doc("A2 on: beats in a run read from the file.")] = 16
    buffer_blocks: Annotated[int, Doc("A2 on: runs shuffled together.")] = 16
    depth: Annotated[int, Doc("A3 on: buffers in the ring; A5 is that many batches ahead.")] = 4
    workers: Annotated[int, Doc("A0-workers: worker processes.")] = 2


@dataclass(frozen=True)
class Variant:
    """One model to train."""

    model: ModelName
    rr_reference: RrReference


@dataclass(frozen=True)
class Profile:
    """How much is trained."""

    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]


PROFILES = {
    "quick": Profile((Variant("beatnet", "record"), Variant("tinyecg", "record")), (0,)),
    "paper": Profile(
        (Variant("beatnet", "record"), Variant("beatnet", "causal"), Variant("tinyecg", "record")),
        (0, 1, 2, 3, 4),
    ),
}


@dataclass(frozen=True)
class Train:
    """Train the suite's classifier on some patients and score it on others."""

    profile: Annotated[
        Literal["quick", "paper"], Doc("`quick`: one seed, a minute; `paper`: five seeds.")
    ] = "quick"
    protocol: Annotated[
        Protocol,
        Doc(
            "`test` trains on DS1 and scores DS2; `cross-validation` holds out each fold of DS1's "
            "patients in turn, and is what models and recipes are chosen by."
        ),
    ] = "test"
    models: Annotated[
        tuple[ModelName, ...] | None, Doc("Models to train; else the profile's, or BeatNet.")
    ] = None
    rr_references: Annotated[
        tuple[RrReference, ...] | None,
        Doc(
            "Compare RR intervals with the whole record's, or only with earlier ones; else the "
            "profile's, or the record's."
        ),
    ] = None
    seeds: Annotated[tuple[int, ...] | None, Doc("Seeds; the profile's if none.")] = None
    recipe: Recipe = field(default_factory=Recipe)
    feeding: Annotated[Feeding, tyro.conf.OmitArgPrefixes] = field(default_factory=Feeding)
    checkpoint: Annotated[
        Path | None,
        Doc("Folder in which each training keeps its last whole epoch; none is kept if none."),
    ] = None
    resume: Annotated[bool, Doc("Go on from the files in the --checkpoint folder.")] = False
    device: Device = "auto"
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    threads: Threads = None


@dataclass(frozen=True)
class Plan:
    """What is trained, once the profile is filled in."""

    profile: str  # `quick`, `paper`, or `custom` where anything of it was changed
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    threads: int


def plan_of(config: Train) -> Plan:
    """Fill in the profile and check the numbers.

    Raises:
        UserError: a number is out of its range, or there is nothing to train.
    """
    profile, recipe = PROFILES[config.profile], config.recipe
    variants = profile.variants
    if config.models is not None or config.rr_references is not None:
        models = ("beatnet",) if config.models is None else config.models
        references = ("record",) if config.rr_references is None else config.rr_references
        variants = tuple(Variant(model, reference) for model in models for reference in references)
    seeds = profile.seeds if config.seeds is None else config.seeds
    if not variants or not seeds:
        raise UserError("there is nothing to train: give at least one model, reference and seed")
    positive = {
        "--recipe.epochs": recipe.epochs,
        "--recipe.batch-size": recipe.batch_size,
        "--recipe.learning-rate": recipe.learning_rate,
        "--recipe.rare-weight": recipe.rare_weight,
        "--block-windows": config.feeding.block_windows,
        "--buffer-blocks": config.feeding.buffer_blocks,
        "--workers": config.feeding.workers,
    }
    for option, value in positive.items():
        if not value > 0:
            raise UserError(f"{option} is {value}: it must be positive")
    if config.feeding.depth < 2:
        raise UserError(
            f"--depth is {config.feeding.depth}: copying beside compute needs at least 2"
        )
    if config.resume and config.checkpoint is None:
        raise UserError("--resume needs --checkpoint: the folder in which the training was kept")
    if min(seeds) < 0:
        raise UserError(f"--seeds holds {min(seeds)}: a seed must not be negative")
    whole = (profile.variants, profile.seeds, Recipe(), Feeding(), "test")
    is_profile = (variants, seeds, recipe, config.feeding, config.protocol) == whole
    threads = checked_threads(config.threads)
    return Plan(config.profile if is_profile else "custom", variants, seeds, threads)


def checked_threads(threads: int | None) -> int:
    """Threads of torch: all cores that the process may use if None.

    Raises:
        UserError: fewer than 1, or more than there are cores.
    """
    cores = usable_cores()
    if threads is not None and not 1 <= threads <= cores:
        raise UserError(f"--threads is {threads}: choose from 1 to {cores}, the cores to be used")
    return cores if threads is None else threads
