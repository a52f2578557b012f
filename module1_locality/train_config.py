"""What `train` is asked to do: its command line, and the models that a profile stands for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_data.rr_context import RrReference
from crossscale_results import UserError
from crossscale_results.provenance import usable_cores

ModelName = Literal["beatnet", "tinyecg"]


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained; chosen by cross-validation over DS1's patients."""

    epochs: Annotated[int, Doc("Passes over the training beats.")] = 5
    batch_size: Annotated[int, Doc("Beats in a batch.")] = 256
    learning_rate: Annotated[float, Doc("AdamW's largest step size, of one cycle.")] = 3e-3
    rare_weight: Annotated[float, Doc("Weight of S and F beats in the loss; others weigh 1.")] = 3.0


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
        Literal["test", "cross-validation"],
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
    data_dir: Annotated[
        Path | None, Doc("Folder of the MIT-BIH files; found, fetched or made if none.")
    ] = None
    results_dir: Annotated[Path, Doc("Folder that the CSV file is appended in.")] = Path("results")
    threads: Annotated[
        int | None, Doc("Threads of torch; all cores the process may use if none.")
    ] = None


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
    }
    for option, value in positive.items():
        if not value > 0:
            raise UserError(f"{option} is {value}: it must be positive")
    if min(seeds) < 0:
        raise UserError(f"--seeds holds {min(seeds)}: a seed must not be negative")
    cores = usable_cores()
    threads = cores if config.threads is None else config.threads
    if not 1 <= threads <= cores:
        raise UserError(f"--threads is {threads}: choose from 1 to {cores}, the cores to be used")
    whole = (profile.variants, profile.seeds, Recipe(), "test")
    is_profile = (variants, seeds, recipe, config.protocol) == whole
    return Plan(config.profile if is_profile else "custom", variants, seeds, threads)
