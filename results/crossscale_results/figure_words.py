"""What every figure of the suite shows, and the command that measures it anew.

A figure that is drawn needs an entry here; a test fails without.
"""

from dataclasses import dataclass

from crossscale_results.errors import ResultsError


@dataclass(frozen=True)
class FigureWords:
    """A figure in words."""

    title: str
    shows: str  # what is drawn and how it is read
    command: str  # what measures its rows


_M1, _M2 = "python -m module1_locality", "python -m module2_openmp_conv"
_M3 = "python -m module3_mpi_gpu_overlap"

FIGURES = {
    "module1_throughput": FigureWords(
        "Training throughput by rung",
        "Windows trained on a second as a share of training without any feeding (C0), a panel a "
        "batch size: large dots are medians, whiskers quartiles, small dots raw samples. Further "
        "right is better, 100 % is the bound.",
        f"{_M1}.bench --profile paper",
    ),
    "module1_step_breakdown": FigureWords(
        "Where a training step's time goes",
        "Median step of each rung: compute alone, and on top of it the feeding that compute did "
        "not hide; diamonds are the time of host assembly, hidden or not.",
        f"{_M1}.bench --profile paper",
    ),
    "module1_assembly": FigureWords(
        "Assembling batches in host memory",
        "GB/s of each rung with nothing else going on, on a logarithmic axis; the band is memcpy "
        "of the shard in order, the dashed line 60 % of it.",
        f"{_M1}.bench --profile paper",
    ),
    "module1_peers": FigureWords(
        "Other data loaders",
        "Windows assembled a second, and the share of memcpy's bandwidth, of this suite's rungs "
        "and of other libraries as documented and at the fastest of their settings.",
        f"{_M1}.peers --profile paper",
    ),
    "module1_orders": FigureWords(
        "Block size: accuracy and speed",
        "Macro-F1 on DS2 over the block size (solid, left), with the speed of host assembly "
        "(dotted, right); the band is the 95 % interval of a global shuffle's mean over seeds.",
        f"{_M1}.order_accuracy --profile paper",
    ),
    "module1_classifier": FigureWords(
        "The classifiers' scores",
        "F1 by class over seeds on the left; sensitivity and positive predictivity of S and V on "
        "the right, beside published figures for the same patients.",
        f"{_M1}.train --profile paper",
    ),
    "module2_speedup": FigureWords(
        "Speed-up in the paper's grid",
        "Times as fast as torch's conv1d as it is (left) and as the best of torch's configurations "
        "(right), one channel to one, by batch size and kernel width: medians and quartiles.",
        f"{_M2}.bench --profile paper",
    ),
    "module2_throughput": FigureWords(
        "Throughput by batch size",
        "Windows convolved a second, one layer a panel, on logarithmic axes: torch, the best of "
        "torch's configurations, ours, and the original paper's method.",
        f"{_M2}.bench --profile paper",
    ),
    "module2_heatmap": FigureWords(
        "Speed-up over the grid of layers",
        "Each cell is a layer (channels in and out) and a kernel width; its number says how many "
        "times as fast as the best of torch ours is, for the forward pass and both gradients.",
        f"{_M2}.bench --profile paper",
    ),
    "module2_scaling": FigureWords(
        "More threads",
        "Times as fast on more threads as on one, by layer, for ours and for torch: medians; the "
        "dashed line is perfect scaling.",
        f"{_M2}.bench --profile paper",
    ),
    "module2_roofline": FigureWords(
        "Roofline",
        "GFLOP/s over operations a byte, below the bounds that the machine itself was measured to "
        "have: multiply-adds on registers, and bytes a second from caches and memory.",
        f"{_M2}.bench --profile paper",
    ),
    "module2_training": FigureWords(
        "Training with either kernel",
        "Time of each epoch of the suite's classifier, and its macro-F1 on DS2 after it, by who "
        "convolves.",
        f"{_M2}.train --profile paper",
    ),
    "module3_rounds": FigureWords(
        "What a round is made of",
        "Median time of a round's parts, stacked, by mode and number of ranks; the right panel "
        "leaves local training out, to show the small rest.",
        f"{_M3}.bench --profile paper",
    ),
    "module3_throughput": FigureWords(
        "Weak scaling",
        "Beats trained on a second by all ranks together, each of which does as many local steps: "
        "medians and quartiles.",
        f"{_M3}.bench --profile paper",
    ),
    "module3_strong_scaling": FigureWords(
        "A round by world size, the same work shared out",
        "Median and quartiles of a round's time where all ranks together take as many local steps, "
        "on logarithmic axes; dotted is the first world's time shared out evenly. Lower is better.",
        f"{_M3}.bench --profile paper",
    ),
    "module3_peers": FigureWords(
        "Other runners of the same rounds",
        "What a round is made of, by the suite, torch.distributed and Flower: medians, the "
        "shortest on top; the right panel is all but local steps, with raw samples as dots.",
        f"{_M3}.peer_bench --profile paper",
    ),
    "module3_link_rounds": FigureWords(
        "Rounds on a slow link",
        "The same parts of a round where the ranks are hosts on shaped links and the model is "
        "larger, so that there is more to communicate.",
        f"{_M3}.link_rounds --profile paper",
    ),
    "module3_allreduce": FigureWords(
        "The collective alone",
        "Time of a blocking MPI_Allreduce over the numbers summed, by ranks: medians and quartiles "
        "on logarithmic axes.",
        f"{_M3}.bench --profile paper",
    ),
    "module3_accuracy": FigureWords(
        "What federation costs in accuracy",
        "Macro-F1 on DS2 over rounds, and over the bytes that a rank has sent by then, by "
        "federation: mean and range over seeds.",
        f"{_M3}.federated_accuracy",
    ),
    "module3_wire": FigureWords(
        "Wire formats",
        "Time of one average for each number, by format, beside MPI's own sum of float32; and the "
        "bytes received with the error made.",
        f"{_M3}.bench --profile paper",
    ),
    "module3_links": FigureWords(
        "From LAN to WAN",
        "Time of an Allreduce between hosts of one machine, by the rate of each host's link and "
        "the numbers summed: medians and quartiles.",
        f"{_M3}.link_sweep --profile paper",
    ),
    "module3_model": FigureWords(
        "The cost model against measurements",
        "Predicted over measured times of an Allreduce, and the error by number of ranks; open "
        "markers are what the model was fitted to, full ones what it had not seen.",
        f"{_M3}.cost_model",
    ),
    "module3_round_model": FigureWords(
        "More hosts on a link",
        "A round's time and communication's share of it by hosts that take the same local steps "
        "together: measured, and as the cost model predicts it from two hosts.",
        f"{_M3}.link_scaling --profile paper",
    ),
    "module3_projection": FigureWords(
        "The cost model beyond this machine",
        "Predicted, nothing here was measured: seconds of an Allreduce of a million numbers on up "
        "to thousands of ranks, by algorithm, a panel a network.",
        f"{_M3}.cost_model",
    ),
}


def words_of(name: str) -> FigureWords:
    """The words of a figure.

    Raises:
        ResultsError: it has none.
    """
    if name not in FIGURES:
        raise ResultsError(f"figure {name} has no words: add them to {__name__}.FIGURES")
    return FIGURES[name]
