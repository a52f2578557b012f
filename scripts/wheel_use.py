"""Use the installed suite: import every module of the packages named, and convolve beside torch.

Run by an environment that has the suite's wheel and what it requires, and no extra of it.
"""

import importlib
import pkgutil
import sys

import torch

from crossscale_data.checksums import published_sums
from crossscale_data.synthetic.record_facts import record_facts
from module2_openmp_conv import conv1d, isa

# What only extras bring: a module that begins by importing one of them is left out.
EXTRAS = {"cryptography", "flwr", "onnx", "onnxruntime", "opacus", "spdl", "streaming"}


def import_all(package_name: str) -> list[str]:
    """Import a package and all below it; the modules that need an extra.

    Raises:
        ImportError: a module needs what the wheel does not bring, or is not this environment's.
    """
    package = importlib.import_module(package_name)
    if not str(package.__file__).startswith(sys.prefix):
        raise ImportError(f"{package_name} came from {package.__file__}")
    left_out = []
    for found in pkgutil.walk_packages(package.__path__, f"{package_name}."):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if str(error.name).split(".")[0] not in EXTRAS:
                raise
            left_out.append(found.name)
    return left_out


def compare_convolution() -> None:
    """A convolution and its gradients beside torch's. Raises AssertionError where they differ."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((8, 16, 500), (32, 16, 5), (32,))
    tensors = [torch.randn(s, generator=generator, requires_grad=True) for s in shapes]
    ours, theirs = (
        convolve(*tensors, padding=2) for convolve in (conv1d, torch.nn.functional.conv1d)
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    gradients = [torch.autograd.grad(out.square().mean(), tensors) for out in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    needing_extras = [name for package in sys.argv[1:] for name in import_all(package)]
    if not (len(record_facts()) == 48 and len(published_sums()) == 144):
        sys.exit("the data that come with the packages are not whole")
    compare_convolution()
    extras = ", ".join(needing_extras)
    print(
        f"torch {torch.__version__}, kernels {isa()}; not imported for want of an extra: {extras}"
    )
