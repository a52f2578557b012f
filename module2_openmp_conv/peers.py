"""Contestants beside plain torch: its compiler, and ONNX Runtime where it is installed."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from module2_openmp_conv.contestant import Contestant
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.problem import Problem

_OPSET, _IR_VERSION = 17, 9  # old enough for any ONNX Runtime of the last years


def absent_peers() -> dict[str, str]:
    """Who cannot take part on this machine, and why."""
    reasons = {"torch_compile": _why_not_compiled(), "onnxruntime": _why_no_onnx_runtime()}
    return {name: reason for name, reason in reasons.items() if reason}


def present_peers(cell: Cell) -> list[str]:
    """Who can take part in the cell on this machine: all of them solve forward passes alone."""
    absent = absent_peers() if cell.operation == "forward" else MAKERS
    return [name for name in MAKERS if name not in absent]


def compiled(problem: Problem) -> Contestant:
    """`torch.compile` with weights frozen, for this shape alone."""
    # Every cell's layer is the same code object: without this, torch stops after eight.
    torch.compiler.reset()
    layer = _layer(problem)
    with torch._inductor.config.patch(freezing=True):
        run = torch.compile(layer, dynamic=False)
        with torch.inference_mode():
            run(problem.input)
    return Contestant(lambda: run(problem.input))


def onnx_runtime(problem: Problem) -> Contestant:
    """ONNX Runtime on as many threads, input and output bound beforehand."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = problem.cell.threads or torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        _onnx_model(problem), options, providers=["CPUExecutionProvider"]
    )
    out = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty(problem.gradient.shape, np.float32))
    binding = session.io_binding()
    binding.bind_ortvalue_input(
        "input", onnxruntime.OrtValue.ortvalue_from_numpy(problem.input.numpy())
    )
    binding.bind_ortvalue_output("output", out)

    def read(_: Any) -> tuple[Tensor, ...]:
        return (torch.from_numpy(out.numpy()),)

    return Contestant(lambda: session.run_with_iobinding(binding), read=read, pool="onnxruntime")


MAKERS: dict[str, Callable[[Problem], Contestant]] = {
    "torch_compile": compiled,
    "onnxruntime": onnx_runtime,
}


def _layer(p: Problem) -> nn.Module:
    cell = p.cell
    layer = nn.Conv1d(
        cell.in_channels,
        cell.out_channels,
        cell.kernel_width,
        padding=cell.padding,
        dilation=cell.dilation,
        groups=cell.groups,
    )
    layer.weight, layer.bias = nn.Parameter(p.weight.clone()), nn.Parameter(p.bias.clone())
    return layer.eval().requires_grad_(False)


def _onnx_model(p: Problem) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    cell = p.cell
    node = helper.make_node(
        "Conv",
        ["input", "weight", "bias"],
        ["output"],
        kernel_shape=[cell.kernel_width],
        strides=[1],
        pads=[cell.padding, cell.padding],
        dilations=[cell.dilation],
        group=cell.groups,
    )
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(tensor.shape))
        for name, tensor in (("input", p.input), ("output", p.gradient))
    ]
    constants = [
        numpy_helper.from_array(tensor.numpy(), name)
        for name, tensor in (("weight", p.weight), ("bias", p.bias))
    ]
    graph = helper.make_graph([node], "convolution", ends[:1], ends[1:], constants)
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    return bytes(model.SerializeToString())


@cache
def _why_no_onnx_runtime() -> str:
    missing = [name for name in ("onnxruntime", "onnx") if find_spec(name) is None]
    if not missing:
        return ""
    return f"{missing[0]} is not installed (`pip install onnxruntime onnx`, extra `bench`)"


@cache
def _why_not_compiled() -> str:
    try:
        with torch.inference_mode():
            torch.compile(torch.nn.functional.relu, dynamic=False)(torch.zeros(8))
    except Exception as error:  # whatever the compiler or its C++ compiler may raise
        return f"torch.compile does not work here ({type(error).__name__})"
    return ""
