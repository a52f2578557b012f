"""The tables of module 2 and their columns."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results import Table


@dataclass(frozen=True)
class Convolution:
    """Columns that say what was run."""

    contestant: Annotated[
        str,
        Doc(
            "Who convolved: `torch` (F.conv1d), `torch_out` (aten::convolution.out), "
            "`torch_packed` (oneDNN, weights packed beforehand), `torch_shifted` (one channel: a "
            "sum of shifted slices), `crossscale`, `crossscale_out` (out= given), `taps_loop` "
            "(the original paper's method) or `naive`."
        ),
    ]
    kernels_isa: Annotated[str, Doc("Instruction set of our kernels; `none` for torch's.")]
    batch_size: Annotated[int, Doc("Rows in a batch.")]
    in_channels: Annotated[int, Doc("Channels of the input.")]
    out_channels: Annotated[int, Doc("Channels of the output.")]
    kernel_width: Annotated[int, Doc("Taps; half as many zeros pad either side.")]
    length: Annotated[int, Doc("Samples of a row, of the input and of the output.")]
    calls_count: Annotated[int, Doc("Calls timed together in this sample; times are their mean.")]


@dataclass(frozen=True)
class ConvolutionMeasurement:
    """Columns that say what was measured."""

    call_us: Annotated[float, Doc("Wall time of a forward call from Python, caches warm.")]
    convolved_gflop_per_s: Annotated[
        float, Doc("Two operations per tap, input channel and output over `call_us`.")
    ]
    moved_gb_per_s: Annotated[
        float, Doc("Bytes of input, weight, bias and output, each once, over `call_us`.")
    ]
    max_error_ratio: Annotated[
        float, Doc("Largest difference from a float64 convolution, over its largest value.")
    ]


@dataclass(frozen=True)
class TrainingEpoch:
    """Columns that say which epoch was run."""

    kernel: Annotated[
        str,
        Doc(
            "Who convolved: `torch`, `torch_compiled` (torch.compile of the model), `crossscale` "
            "(convolutions replaced) or `crossscale_fused` (what follows them fused, too)."
        ),
    ]
    kernels_isa: Annotated[str, Doc("Instruction set of our kernels; `none` for torch's.")]
    model: Annotated[str, Doc("The suite's classifier that was trained.")]
    batch_size: Annotated[int, Doc("Beats in a batch.")]
    epoch: Annotated[int, Doc("Epochs trained before, from 0.")]
    beats_count: Annotated[int, Doc("Beats of the training patients.")]


@dataclass(frozen=True)
class TrainingMeasurement:
    """Columns that say how it went: scores on all of DS2 after the epoch."""

    epoch_s: Annotated[float, Doc("Wall time of the epoch's training steps, without scoring.")]
    training_loss: Annotated[float, Doc("Mean cross-entropy over the epoch.")]
    n_f1: Annotated[float | None, Doc("F1 of N on DS2.")]
    s_f1: Annotated[float | None, Doc("F1 of S on DS2.")]
    v_f1: Annotated[float | None, Doc("F1 of V on DS2.")]
    f_f1: Annotated[float | None, Doc("F1 of F on DS2.")]
    macro_4_f1: Annotated[float | None, Doc("Mean F1 of N, S, V and F on DS2.")]


CONVOLUTION_TABLE = Table(
    "module2_convolution",
    "Module 2: a row is one raw sample of the time of a forward convolution.",
    Convolution,
    ConvolutionMeasurement,
)
TRAINING_TABLE = Table(
    "module2_training",
    "Module 2: a row is one epoch of training the suite's classifier, and its scores after it.",
    TrainingEpoch,
    TrainingMeasurement,
)
TABLES: tuple[Table, ...] = (CONVOLUTION_TABLE, TRAINING_TABLE)
