"""Reading beyond a cut file's end ends in one sentence, from whichever thread."""

import subprocess
import sys
from pathlib import Path

import pytest

READS_BEYOND_THE_END = """
import os, sys, threading
from pathlib import Path
import numpy as np
from module1_locality.bus_error import explain_bus_error
path = Path(sys.argv[1])
path.write_bytes(bytes(1 << 20))
mapped = np.memmap(path, np.float32, "r")
assert explain_bus_error(path)
os.truncate(path, 4096)
thread = threading.Thread(target=lambda: mapped.sum()) if sys.argv[2] == "thread" else None
if thread:
    thread.start()
    thread.join()
else:
    mapped.sum()
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_bus_error_is_one_sentence(where: str, tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    command = [sys.executable, "-c", READS_BEYOND_THE_END, str(path), where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {path} was cut while it was being read")
    assert done.stderr.count("\n") == 1
