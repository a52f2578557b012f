"""The extension: one OpenMP runtime, the threads asked for, instruction sets, and its absence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from module2_openmp_conv import KernelsError, extension, isa, supported_isas, use_isa
from module2_openmp_conv.extension import ISA_VARIABLE, kernels


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def forward(geometry: object, tensors: list[torch.Tensor], threads: int) -> int:
    input, weight, out = (tensor.data_ptr() for tensor in tensors)
    return kernels.forward(geometry, input, weight, 0, out, False, threads)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", ["import torch", "import numpy", "pass"])
def test_one_openmp_runtime_and_it_is_torchs(first: str) -> None:
    done = python(
        f"{first}\n"
        "import module2_openmp_conv as m, torch\n"
        "from pathlib import Path\n"
        "from threadpoolctl import threadpool_info\n"
        "torch.mm(torch.ones(300, 300), torch.ones(300, 300))\n"
        "m.conv1d(torch.ones(64, 1, 500), torch.ones(1, 1, 7))\n"
        "found = [i['filepath'] for i in threadpool_info() if i['user_api'] == 'openmp']\n"
        "assert len(found) == 1, found\n"
        "assert Path(m.extension.kernels.openmp_library()).samefile(found[0])\n"
        "print('one')\n"
    )
    assert done.stdout == "one\n", done.stderr


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_kernel_runs_on_the_threads_asked_for(threads: int) -> None:
    geometry = kernels.Geometry(
        batch=64,
        in_channels=1,
        out_channels=1,
        length=500,
        kernel=7,
        stride=1,
        padding_left=3,
        padding_right=3,
        dilation=1,
        groups=1,
    )
    tensors = [torch.ones(64, 1, 500), torch.ones(1, 1, 7), torch.empty(64, 1, 500)]
    assert forward(geometry, tensors, threads) == threads


def test_little_work_stays_on_one_thread() -> None:
    geometry = kernels.Geometry(
        batch=2,
        in_channels=1,
        out_channels=1,
        length=50,
        kernel=1,
        stride=1,
        padding_left=0,
        padding_right=0,
        dilation=1,
        groups=1,
    )
    assert forward(geometry, [torch.ones(2, 1, 50), torch.ones(1), torch.empty(2, 1, 50)], 2) == 1


def test_addresses_and_threads_are_checked() -> None:
    geometry = kernels.Geometry(
        batch=1,
        in_channels=1,
        out_channels=1,
        length=4,
        kernel=1,
        stride=1,
        padding_left=0,
        padding_right=0,
        dilation=1,
        groups=1,
    )
    with pytest.raises(ValueError, match="input is not the address"):
        kernels.forward(geometry, 0, 4, 0, 4, False, 1)
    with pytest.raises(ValueError, match="weight is not the address"):
        kernels.forward(geometry, 4, 5, 0, 4, False, 1)
    with pytest.raises(ValueError, match="num_threads"):
        kernels.forward(geometry, 4, 4, 0, 4, False, 0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batch": -1}, "batch is -1"),
        ({"stride": 0}, "stride is 0"),
        ({"groups": 2}, "groups must divide"),
        ({"kernel": 9}, "reaches over 9 positions"),
        ({"padding_left": 2**31}, "padding_left is 2147483648"),
        ({"batch": 2**31 - 1, "in_channels": 2**31 - 1}, "too many elements"),
    ],
)
def test_impossible_geometries_are_refused(changed: dict[str, int], message: str) -> None:
    sizes = {
        "batch": 1,
        "in_channels": 1,
        "out_channels": 1,
        "length": 4,
        "kernel": 1,
        "stride": 1,
        "padding_left": 0,
        "padding_right": 0,
        "dilation": 1,
        "groups": 1,
    }
    with pytest.raises(ValueError, match=message):
        kernels.Geometry(**{**sizes, **changed})


def test_use_isa_ends_with_its_block() -> None:
    before = isa()
    with use_isa("portable"):
        assert isa() == "portable"
    assert isa() == before
    with pytest.raises(KernelsError, match="no instruction set 'sse9': choose one of portable"):
        use_isa("sse9").__enter__()


@pytest.mark.parametrize("name", supported_isas())
def test_variable_chooses_the_instruction_set(name: str) -> None:
    code = "import module2_openmp_conv; print(module2_openmp_conv.isa())"
    assert python(code, **{ISA_VARIABLE: name}).stdout == f"{name}\n"


def test_wrong_variable_is_told_at_the_first_call_not_at_import() -> None:
    done = python(
        "import module2_openmp_conv as m\nprint('imported')\n"
        "try: m.isa()\nexcept m.KernelsError as error: print(error)",
        **{ISA_VARIABLE: "sse9"},
    )
    assert done.stdout.startswith(f"imported\n{ISA_VARIABLE}=sse9 cannot be used: "), done.stderr
    assert "portable" in done.stdout


def test_without_the_extension_import_works_and_calls_say_what_to_do() -> None:
    done = python(
        "import sys\nsys.modules['module2_openmp_conv._kernels'] = None\n"
        "import torch, module2_openmp_conv as m, module2_openmp_conv.columns\nprint('imported')\n"
        "for call in (m.isa, lambda: m.conv1d(torch.ones(1, 1, 9), torch.ones(1, 1, 3))):\n"
        "    try: call()\n"
        "    except m.KernelsError as error: print('pip install -e .' in str(error))"
    )
    assert done.stdout == "imported\nTrue\nTrue\n", done.stderr


def test_the_extension_links_no_openmp_runtime() -> None:
    built = Path(str(extension.kernels.__file__)).read_bytes()
    assert b"GOMP_parallel" in built
    assert b"libgomp" not in built
    assert b"libomp" not in built
