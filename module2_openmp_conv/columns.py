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
            "Who computed it. Torch's convolution: `torch` (as it is), `torch_out` (output "
            "preallocated), `torch_packed` (oneDNN, weights packed beforehand), `torch_blocked` "
            "(all in oneDNN's layout), `torch_channels_last`, `torch_transposed` (input gradient "
            "by conv_transpose1d), `torch_compile`, `torch_malloc`, `torch_malloc_packed`, "
            "`torch_malloc_blocked` and `torch_malloc_channels_last` (as those without `malloc`, "
            "with freed memory kept for reuse), `torch_thp` (huge pages), `torch_avx2` (oneDNN "
            "held to AVX2). Rewrites with torch's other operators: `torch_shifted`, "
            "`torch_unfold`, `torch_flipped`, `torch_fft`. Others: `onnxruntime`; `crossscale`, "
            "`crossscale_out` (out= given), `crossscale_fresh` (out= in newly allocated memory), "
            "`crossscale_direct` (from the taps, in cells where `crossscale` multiplies spectra), "
            "`crossscale_streamed`, `crossscale_avx2`, `crossscale_channels_last` and "
            "`crossscale_channels_last_out` (channels beside each other in memory); `taps_loop` "
            "(the original paper's method), `naive`."
        ),
    ]
    kernels_isa: Annotated[str, Doc("Instruction set of our kernels; `none` for others'.")]
    operation: Annotated[
        str,
        Doc(
            "`forward`, `forward_with_grad` (recorded by autograd), `input_gradient`, "
            "`weight_gradient`, or `training_step` (forward and all three gradients)."
        ),
    ]
    batch_size: Annotated[int, Doc("Rows in a batch.")]
    in_channels: Annotated[int, Doc("Channels of the input.")]
    out_channels: Annotated[int, Doc("Channels of the output.")]
    groups: Annotated[int, Doc("Groups that the channels fall into.")]
    kernel_width: Annotated[int, Doc("Taps, an odd number.")]
    dilation: Annotated[
        int, Doc("Positions between two taps; half the kernel's reach of zeros pads either side.")
    ]
    length: Annotated[int, Doc("Samples of a row, of the input and of the output.")]
    threads: Annotated[int, Doc("Threads that the contestant was given.")]
    cache: Annotated[
        str, Doc("`warm` (called again and again) or `cold` (caches filled with other data first).")
    ]
    calls_count: Annotated[int, Doc("Calls timed together in this sample; times are their mean.")]


@dataclass(frozen=True)
class ConvolutionMeasurement:
    """Columns that say what was measured."""

    call_us: Annotated[float, Doc("Wall time of a call from Python.")]
    convolved_gflop_per_s: Annotated[
        float,
        Doc(
            "Two operations per tap, input channel of a group, and output over `call_us`; three "
            "times that for a training step. Products of spectra take fewer than these, and can "
            "be above the machine's peak."
        ),
    ]
    moved_gb_per_s: Annotated[
        float, Doc("Bytes of the tensors read or written, each once, over `call_us`.")
    ]
    max_error_ratio: Annotated[
        float,
        Doc("Largest difference of a result from float64, over the result's largest value."),
    ]
    peak_gflop_per_s: Annotated[
        float,
        Doc(
            "Multiply-adds on registers alone in the same repeat, on as many threads and for as "
            "long as a sample, by the instruction set of the kernels in the bench's own process."
        ),
    ]


@dataclass(frozen=True)
class Machine:
    """Columns that say how the machine was probed."""

    probe: Annotated[
        str,
        Doc(
            "`fma` (multiply-adds on registers), `copy` (a = b), `triad` (a = b + 3 c) or `fill` "
            "(a = 1, by stores that pass the caches by)."
        ),
    ]
    isa: Annotated[str, Doc("Instruction set of `fma`; `none` for the other probes.")]
    threads: Annotated[int, Doc("Threads that ran the probe together.")]
    array_bytes: Annotated[int, Doc("Size of each of its one to three arrays; 0 for `fma`.")]
    last_level_cache_bytes: Annotated[int, Doc("Size of the largest cache as the system tells.")]


@dataclass(frozen=True)
class MachineMeasurement:
    """Columns that say what the probe gave."""

    peak_gflop_per_s: Annotated[
        float | None, Doc("Two operations for each lane of a multiply-add, over wall time.")
    ]
    stream_gb_per_s: Annotated[
        float | None, Doc("Bytes of the arrays, each once a pass, over wall time.")
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
    "Module 2: a row is one raw sample of the time of a convolution or its gradients.",
    Convolution,
    ConvolutionMeasurement,
)
MACHINE_TABLE = Table(
    "module2_machine",
    "Module 2: a row is one raw sample of what the machine can do at most, for the roofline.",
    Machine,
    MachineMeasurement,
)
TRAINING_TABLE = Table(
    "module2_training",
    "Module 2: a row is one epoch of training the suite's classifier, and its scores after it.",
    TrainingEpoch,
    TrainingMeasurement,
)
TABLES: tuple[Table, ...] = (CONVOLUTION_TABLE, MACHINE_TABLE, TRAINING_TABLE)
