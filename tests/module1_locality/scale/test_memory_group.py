"""A memory group limits who joins it, or says why it cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from module1_locality.scale import memory_group as module
from module1_locality.scale.memory_group import NoMemoryGroupError, memory_group

TAKES_200_MB = """
import os, sys
from pathlib import Path
Path(sys.argv[1]).write_text(str(os.getpid()))
block = bytearray(200 * 2**20)
"""


@pytest.mark.timeout(60)
def test_who_joins_cannot_take_more_and_the_group_is_gone_after() -> None:
    try:
        with memory_group(64 * 2**20) as procs:
            command = [sys.executable, "-c", TAKES_200_MB, str(procs)]
            done = subprocess.run(command, check=False, capture_output=True, timeout=30)
    except NoMemoryGroupError as error:
        pytest.skip(str(error))
    assert done.returncode != 0
    assert not procs.parent.exists()


def test_who_ends_just_after_the_group_is_left_is_waited_for() -> None:
    try:
        with memory_group(64 * 2**20) as procs:
            join = ["sh", "-c", 'echo $$ > "$0" && echo in && exec sleep 0.3', str(procs)]
            late = subprocess.Popen(join, stdout=subprocess.PIPE)
            assert late.stdout is not None
            assert late.stdout.readline() == b"in\n"
    except NoMemoryGroupError as error:
        pytest.skip(str(error))
    late.communicate(timeout=30)
    assert not procs.parent.exists()


def test_a_system_without_groups_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CGROUPS", tmp_path)
    with pytest.raises(NoMemoryGroupError, match="no control groups"), memory_group(1):
        pass


def test_a_group_that_may_not_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.write_text("0::/gone/away\n")
    (tmp_path / "cgroup.controllers").write_text("memory")
    monkeypatch.setattr(module, "CGROUPS", tmp_path)
    monkeypatch.setattr(module, "OWN_GROUPS", own)
    with pytest.raises(NoMemoryGroupError, match="no control group may be made"), memory_group(1):
        pass
