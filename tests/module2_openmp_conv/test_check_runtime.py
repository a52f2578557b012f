"""The build refuses an extension with a C++ runtime of its own."""

import subprocess
import sys
from pathlib import Path

from module2_openmp_conv import _kernels

ROOT = Path(__file__).parents[2]
PROGRAM = '#include <stdexcept>\nvoid fail() { throw std::runtime_error(""); }\n'


def check(extension: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "module2_openmp_conv" / "check_runtime.py"), extension]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def linked(folder: Path, option: str) -> Path:
    library = folder / "library.so"
    (folder / "source.cpp").write_text(PROGRAM)
    command = ["g++", "-shared", "-fPIC", option, "-o", str(library), "source.cpp"]
    subprocess.run(command, cwd=folder, check=True)
    return library


def test_a_shared_runtime_passes_and_is_left_alone(tmp_path: Path) -> None:
    library = linked(tmp_path, "-static-libgcc")  # which is not the runtime proper
    done = check(library)
    assert (done.returncode, done.stderr) == (0, "")
    assert library.exists()


def test_a_static_runtime_is_refused_in_one_sentence(tmp_path: Path) -> None:
    library = linked(tmp_path, "-static-libstdc++")
    done = check(library)
    assert done.returncode == 1
    assert "would crash" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not library.exists()  # or the next build would take it for done


def test_the_extension_that_is_tested_passes() -> None:
    assert check(Path(_kernels.__file__)).returncode == 0
