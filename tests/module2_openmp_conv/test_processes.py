"""A forked process convolves where torch itself can go on; memory stays as large as it was."""

import subprocess
import sys

import pytest

# The child's status: 0 if it got the same bits, 3 if others; killed by an alarm if it hangs.
FORKS = """
import os, signal, sys, torch
from module2_openmp_conv import conv1d
parents, childs = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(0)
torch.set_num_threads(parents)
input, weight = torch.randn(16, 8, 2000), torch.randn(16, 8, 7)
def outputs_and_gradients():
    w = weight.clone().requires_grad_()
    y = conv1d(input, w)
    return [y.detach(), *torch.autograd.grad(y, [w], torch.ones_like(y))]
before = outputs_and_gradients()
if (child := os.fork()) == 0:
    signal.alarm(20)
    torch.set_num_threads(childs)
    after = outputs_and_gradients()
    same = torch.equal(before[0], after[0]) and torch.allclose(before[1], after[1], atol=1e-2)
    os._exit(0 if same else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def python(code: str, *arguments: object, seconds: int = 120) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# From a parent that had a team, a child with more than one thread hangs, in torch's own operators
# as well: libgomp's threads are not forked. DataLoader's workers therefore have one thread.
@pytest.mark.parametrize(("parents", "childs"), [(2, 1), (1, 1), (1, 2)])
def test_a_forked_child_convolves(parents: int, childs: int) -> None:
    assert python(FORKS, parents, childs) == "0\n"


def test_a_dataloaders_workers_convolve() -> None:
    code = """
import torch
from torch.utils.data import DataLoader, Dataset
from module2_openmp_conv import conv1d
class Convolved(Dataset):
    def __len__(self):
        return 8
    def __getitem__(self, i):
        return conv1d(torch.full((4, 500), float(i)), torch.ones(6, 4, 7), padding=3)
torch.set_num_threads(2)
conv1d(torch.ones(64, 8, 500), torch.ones(8, 8, 7))  # the parent has a team
for found in DataLoader(Convolved(), batch_size=4, num_workers=2, timeout=60):
    print(found[:, 0, 250].tolist())
"""
    first, second = [0.0, 28.0, 56.0, 84.0], [112.0, 140.0, 168.0, 196.0]
    assert python(code) == f"{first}\n{second}\n"


# In a process of its own: what other tests have freed would hide growth.
LENGTHS = """
import gc, torch
from module2_openmp_conv import Conv1d
from module2_openmp_conv.extension import kernels
torch.set_num_threads(1)
torch.manual_seed(0)
layer = Conv1d(4, 8, 7, padding=3)
def resident():
    gc.collect()
    pages = open("/proc/self/statm").read().split()[1]
    return int(pages) * 4096 / 2**20
def step(length, batch=4):
    input = torch.ones(batch, 4, length, requires_grad=True)
    layer(input).sum().backward()
    layer.zero_grad()
lengths = (torch.randperm(3000) + 1).tolist()
for length in [3000, *lengths[:300]]:  # the largest need comes first
    step(length)
tensors = sum(isinstance(o, torch.Tensor) for o in gc.get_objects())
before = resident()
for length in lengths:
    step(length)
print(resident() - before, sum(isinstance(o, torch.Tensor) for o in gc.get_objects()) - tensors)
step(200_000, 16)  # outputs of 100 MB, gone or kept for the next; slabs of a tile each
print(resident() - before - kernels.kept_output_bytes() / 2**20)
"""


def test_memory_stays_flat_over_thousands_of_lengths() -> None:
    flat, large = python(LENGTHS).splitlines()
    grown, leaked = flat.split()
    assert float(grown) < 16.0  # MB; each step's tensors are 400 kB: a leak would be a gigabyte
    assert leaked == "0"
    assert float(large) < 64.0
