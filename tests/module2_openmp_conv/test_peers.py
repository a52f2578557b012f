"""Peers beside torch: right where they are installed, and their absence told."""

import pytest
import torch

from module2_openmp_conv import peers
from module2_openmp_conv.contestants import contestants
from module2_openmp_conv.correctness import max_error_ratio, references
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.peers import absent_peers
from module2_openmp_conv.problem import problem_of


@pytest.mark.parametrize("cell", [Cell(2, 1, 3, 5, threads=1), Cell(2, 4, 6, 3, 33, 2, 2)])
def test_peers_agree(cell: Cell) -> None:
    problem = problem_of(cell, torch.randn(50, 500), seed=0)
    expected = references(problem)
    found = contestants(problem, peers=True)
    there = {"torch_compile", "onnxruntime"} - set(absent_peers())
    assert there <= set(found)
    for name in there:
        assert max_error_ratio(name, found[name].result(), expected) < 1e-5
    assert not {"torch_compile", "onnxruntime"} & set(contestants(problem))


def test_a_missing_package_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    monkeypatch.setattr(peers, "_why_not_compiled", lambda: "no compiler")
    peers._why_no_onnx_runtime.cache_clear()
    try:
        absent = absent_peers()
        assert absent["onnxruntime"].startswith("onnxruntime is not installed (`pip install")
        assert absent["torch_compile"] == "no compiler"
        problem = problem_of(Cell(2, 1, 1, 3), torch.randn(5, 500), seed=0)
        assert not {"torch_compile", "onnxruntime"} & set(contestants(problem, peers=True))
    finally:
        peers._why_no_onnx_runtime.cache_clear()
