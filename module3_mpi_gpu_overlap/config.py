"""What can be chosen: of a federated run, of the collective alone, and of the bench."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results.dry_run import DryRun
from module3_mpi_gpu_overlap.ladder import LADDER, Exchange, Mode, Precision, described
from module3_mpi_gpu_overlap.wire_format import WireFormat

Progress = Literal["auto", "library", "polling", "thread"]
Sum = Literal["mpi", "fixed-point", "secure"]
Experiment = Literal["none", "bench", "strong-scaling", "links", "link-scaling", "accuracy"]
Profile = Literal["quick", "paper", "custom"]

# Options that several commands have.
DataDir = Annotated[
    Path | None,
    Doc("Folder of the WFDB files; by default CROSSSCALE_MITDB, cache, PhysioNet, synthetic."),
]
ShapingDataDir = Annotated[
    Path | None, Doc("Folder of the WFDB files: they decide the classifier's inputs.")
]
NamedDataDir = Annotated[Path | None, Doc("Folder of the WFDB files: named in the rows.")]
ResultsDir = Annotated[Path, Doc("Folder of the results tables.")]
RunProfile = Annotated[Profile, Doc("The grid that this run belongs to.")]
ProcessStart = Annotated[int, Doc("Which process start of the same configuration this is.")]
Ranks = Annotated[int, Doc("Ranks that there must be; 0 accepts any number.")]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a federated run does; every field is a column of its rows.

    An `auto` that the mode decides is replaced by what it decides.
    """

    mode: Annotated[
        Mode,
        Doc(f"Rung of the ladder: {described()}."),
    ] = "G1"
    rounds: Annotated[int, Doc("Rounds of local training and averaging.")] = 2
    local_steps: Annotated[int, Doc("Optimiser steps of each client in a round.")] = 50
    batch_size: Annotated[int, Doc("Beats in a client's mini-batch.")] = 256
    clients: Annotated[
        Literal["ranks", "subjects"],
        Doc(
            "`ranks`: every rank is one client that keeps its optimiser (cross-silo); `subjects`: "
            "clients_count clients share the ranks and begin each round anew (cross-device)."
        ),
    ] = "ranks"
    clients_count: Annotated[
        int, Doc("Clients where they are not the ranks; 0 is one for each training subject.")
    ] = 0
    clients_per_round: Annotated[
        int, Doc("Clients drawn for each round; 0 is all that hold beats.")
    ] = 0
    split: Annotated[
        Literal["natural", "iid", "dirichlet"],
        Doc("Beats of a client: whole subjects; random ones; or classes in Dirichlet shares."),
    ] = "natural"
    dirichlet_alpha: Annotated[
        float, Doc("Concentration of the Dirichlet split: small is uneven, large is even.")
    ] = 0.5
    optimizer: Annotated[
        Literal["adamw", "sgd"], Doc("Local optimiser; where clients are ranks it keeps its state.")
    ] = "adamw"
    learning_rate: Annotated[float, Doc("Step size of the local optimiser.")] = 2e-3
    proximal_mu: Annotated[
        float, Doc("FedProx's pull towards the model that the round began with; 0 is FedAvg.")
    ] = 0.0
    server: Annotated[
        Literal["fedavg", "fedavgm", "fedadam"],
        Doc("What becomes of the average: the model, or a step with momentum, or with Adam."),
    ] = "fedavg"
    server_learning_rate: Annotated[float, Doc("Step size of fedavgm and fedadam.")] = 1.0
    server_momentum: Annotated[float, Doc("Momentum of fedavgm; beta 1 of fedadam.")] = 0.9
    clip_norm: Annotated[
        float,
        Doc("Client-level differential privacy: longest change of a client (L2 norm); 0: none."),
    ] = 0.0
    noise_multiplier: Annotated[
        float, Doc("Deviation of the noise on the clients' summed changes, in units of clip_norm.")
    ] = 0.0
    class_weights: Annotated[
        bool, Doc("Weigh classes by the inverse square root of their count over all ranks.")
    ] = True
    precision: Annotated[
        Literal["auto", Precision],
        Doc(
            "Arithmetic of local training, by automatic mixed precision; fp16 scales its loss; "
            "`auto` is the mode's."
        ),
    ] = "auto"
    model: Annotated[Literal["beatnet", "tinyecg"], Doc("The suite's classifier to train.")] = (
        "beatnet"
    )
    hidden_width: Annotated[
        int,
        Doc(
            "Units of two more hidden layers in beatnet's head, so that there is more to "
            "communicate: 3100 makes 10 M parameters; 0 leaves it as it is."
        ),
    ] = 0
    rr_reference: Annotated[
        Literal["record", "causal"],
        Doc("Compare RR intervals with the whole record's, or only with earlier ones."),
    ] = "record"
    bucket_bytes: Annotated[
        int, Doc("Largest piece of a float32 wire that is sent at a time, but in G0.")
    ] = 1 << 20
    sum: Annotated[
        Sum,
        Doc(
            "MPI's float32 sum; one of 64-bit fixed-point numbers whose order cannot matter; or a "
            "secure sum, in which nobody sees a rank's part (G0 and G1)."
        ),
    ] = "mpi"
    wire: Annotated[
        Literal["auto", WireFormat],
        Doc(
            "What a number is on the wire; all but float32 send changes, and keep what they lost "
            "for the next round; `auto` is the mode's."
        ),
    ] = "auto"
    sent_ratio: Annotated[float, Doc("Part of the numbers that the top-k wire sends.")] = 0.01
    exchange: Annotated[
        Literal["auto", Exchange],
        Doc(
            "`flat`: all ranks alike; `hierarchical`: summed in a node's memory, then sent by "
            "one leader for each node; `auto` is the mode's."
        ),
    ] = "auto"
    progress: Annotated[
        Progress,
        Doc("What keeps MPI moving from G2 on; `auto` takes the best of a self-test."),
    ] = "auto"
    screening_ratio: Annotated[
        float,
        Doc("Updates longer than so many times the last round's median are left out; 0: no limit."),
    ] = 10.0
    slow_rank: Annotated[int, Doc("A rank that is made a straggler; -1 is none.")] = -1
    slow_ratio: Annotated[
        float, Doc("How long the straggler sleeps, in units of its own local training.")
    ] = 1.0
    device: Annotated[
        Literal["auto", "cpu"], Doc("`auto` takes an accelerator if there is one, by local rank.")
    ] = "auto"

    def __post_init__(self) -> None:
        for name in ("precision", "wire", "exchange"):
            if getattr(self, name) == "auto":
                object.__setattr__(self, name, getattr(LADDER[self.mode], name))


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """One federated run and where its data, rows and model lie."""

    evaluate_every: Annotated[
        int, Doc("Score DS2 after every so many rounds; 0 scores it at the end only.")
    ] = 0
    checkpoint: Annotated[Path | None, Doc("File to save the final model to.")] = None
    trace: Annotated[
        Path | None, Doc("File for all ranks' rounds as a Chrome trace; a Gantt chart beside it.")
    ] = None
    state_dir: Annotated[
        Path | None, Doc("Folder, seen by all ranks, to keep the last finished round's state in.")
    ] = None
    state_every: Annotated[int, Doc("Rounds from one kept state to the next.")] = 1
    resume: Annotated[bool, Doc("Go on from the state that lies in `state_dir`.")] = False
    stall_limit_s: Annotated[
        float,
        Doc(
            "Seconds that a rank waits for the others before it ends the run; more than the "
            "slowest rank's round; 0 waits without end."
        ),
    ] = 300.0
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    profile: RunProfile = "custom"
    experiment: Annotated[Experiment, Doc("The command whose grid that is.")] = "none"
    seed: Annotated[int, Doc("Seed of weights, batch order and dropout.")] = 0
    repeat: Annotated[int, Doc("Which repetition of the same configuration this is.")] = 0
    ranks: Ranks = 0


@dataclass(frozen=True, kw_only=True)
class AllreduceConfig:
    """The collective alone, over several buffer sizes."""

    sizes: Annotated[tuple[int, ...], Doc("Parameter counts; 0 stands for the classifier's.")] = (
        0,
        1_000_000,
    )
    sums: Annotated[tuple[Sum, ...], Doc("Sums to time: mpi, fixed-point, secure.")] = (
        "mpi",
        "fixed-point",
    )
    samples: Annotated[int, Doc("Timed calls of each size, after two for warm-up.")] = 5
    data_dir: ShapingDataDir = None
    results_dir: ResultsDir = Path("results")
    profile: RunProfile = "custom"
    seed: Annotated[int, Doc("Seed of the buffer's contents.")] = 0
    repeat: ProcessStart = 0
    ranks: Ranks = 0


@dataclass(frozen=True, kw_only=True)
class BenchConfig:
    """World sizes times modes, interleaved, each run in fresh processes."""

    profile: Annotated[
        Literal["quick", "paper"], Doc("`quick`: 1 and 2 ranks; `paper`: 1, 2, 4 and 8.")
    ] = "quick"
    repeats: Annotated[int | None, Doc("Runs of each; the profile's if none.")] = None
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    seed: Annotated[int, Doc("Seed of every run.")] = 0
    dry_run: DryRun = False


@dataclass(frozen=True)
class Grid:
    """What a profile runs."""

    world_sizes: tuple[int, ...]
    modes: tuple[Mode, ...]
    rounds: int
    local_steps: int  # of each rank: weak scaling
    shared_steps: int  # of all ranks together, in a round: strong scaling
    shared_modes: tuple[Mode, ...]
    repeats: int
    allreduce_sizes: tuple[int, ...]
    wire_sizes: tuple[int, ...]


GRIDS = {
    "quick": Grid(
        world_sizes=(1, 2),
        modes=("G0", "G1", "G2", "G3", "G5"),
        rounds=3,
        local_steps=10,
        shared_steps=20,
        shared_modes=("G1",),
        repeats=2,
        allreduce_sizes=(0, 1_000_000),
        wire_sizes=(0, 1_000_000),
    ),
    "paper": Grid(
        world_sizes=(1, 2, 4, 8),
        modes=("G0", "G1", "G2", "G3", "G4", "G5", "G6"),
        rounds=5,
        local_steps=50,
        shared_steps=200,
        shared_modes=("G1", "G3"),
        repeats=5,
        allreduce_sizes=(3_000, 0, 100_000, 1_000_000, 10_000_000),
        wire_sizes=(0, 1_000_000, 10_000_000),
    ),
}
