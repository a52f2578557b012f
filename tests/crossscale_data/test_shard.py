"""A shard comes back as it was written, appears whole or not at all, and damage is one sentence."""

import copy
import errno
import json
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from crossscale_data.errors import DataError
from crossscale_data.shard import VERSION, new_shard, open_shard

PREFIX = struct.Struct("<8sIII")  # magic, version, header length, CRC-32 of the header
ABOUT = {"view": "beats", "window_samples": 324, "baseline_removed": True}
ARRAYS: dict[str, npt.NDArray[Any]] = {
    "signal": np.arange(3000, dtype=np.float32).reshape(2, 1500),
    "label": np.arange(7, dtype=np.uint8),
    "record": np.empty((0, 3), np.int16),
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
DTYPES = st.one_of(
    st_numpy.boolean_dtypes(),
    st_numpy.integer_dtypes(),
    st_numpy.unsigned_integer_dtypes(),
    st_numpy.floating_dtypes(),
    st_numpy.complex_number_dtypes(),
    st_numpy.datetime64_dtypes(),
    st_numpy.byte_string_dtypes(min_len=1),
    st_numpy.unicode_string_dtypes(min_len=1),
)
SHAPES = st_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


def write(path: Path, about: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
    specs = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    with new_shard(path, about, specs) as maps:
        for name, array in arrays.items():
            maps[name][...] = array


def whole_shard(folder: Path) -> bytes:
    """The bytes of an undamaged shard."""
    write(folder / "whole.shard", ABOUT, ARRAYS)
    return (folder / "whole.shard").read_bytes()


def header_end(content: bytes) -> int:
    return PREFIX.size + int(PREFIX.unpack_from(content)[2])


def with_header(header: Any, content: bytes) -> bytes:
    """The shard under another header, with the CRC that belongs to it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    prefix = PREFIX.pack(b"CSECGSHD", VERSION, len(text), zlib.crc32(text))
    return prefix + text + content[len(prefix + text) :]


def refusal(path: Path, content: bytes, about: dict[str, Any] = ABOUT) -> str:
    """What `open_shard` says of a file with that content: it must name it and what to do."""
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_shard(path, about)
    assert str(path) in str(caught.value)
    assert "remove it, it is prepared again when needed" in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shards")


@pytest.fixture(scope="module")
def content(folder: Path) -> bytes:
    return whole_shard(folder)


@given(
    about=st.dictionaries(st.text(max_size=8), JSON),
    arrays=st.dictionaries(st.text(max_size=8), st_numpy.arrays(DTYPES, SHAPES), max_size=4),
)
def test_what_was_written_comes_back(
    folder: Path, about: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]
) -> None:
    write(folder / "any.shard", about, arrays)
    shard = open_shard(folder / "any.shard", {})
    assert list(shard.arrays) == list(arrays)
    for name, array in arrays.items():
        got = shard.arrays[name]
        assert (got.dtype, got.shape) == (array.dtype, array.shape)
        assert got.tobytes() == array.tobytes()
    assert json.dumps(shard.about) == json.dumps(about)


def test_arrays_are_read_only_maps_of_the_file_at_page_boundaries(
    folder: Path, content: bytes
) -> None:
    shard = open_shard(folder / "whole.shard", ABOUT)
    for name in ("signal", "label"):
        array = shard.arrays[name]
        assert isinstance(array, np.memmap)
        assert array.offset % 4096 == 0
        assert content[array.offset : array.offset + array.nbytes] == ARRAYS[name].tobytes()
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert (folder / "whole.shard").read_bytes() == content


def test_it_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.shard"
    with new_shard(path, {}, {"x": ("<f4", (3,))}) as arrays:
        arrays["x"][:] = 1
        assert not path.exists()
    assert [file.name for file in path.parent.iterdir()] == ["a.shard"]
    assert open_shard(path, {}).arrays["x"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("fault", [ValueError("bad record"), KeyboardInterrupt()])
def test_an_exception_leaves_what_was_there_before(tmp_path: Path, fault: BaseException) -> None:
    def fail(path: Path) -> None:
        with new_shard(path, {}, {"x": ("<f4", (3,))}) as arrays:
            arrays["x"][:] = 1
            raise fault

    with pytest.raises(type(fault)):
        fail(tmp_path / "a.shard")
    assert list(tmp_path.iterdir()) == []
    before = whole_shard(tmp_path)
    with pytest.raises(type(fault)):
        fail(tmp_path / "whole.shard")
    assert (tmp_path / "whole.shard").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_killed_writer_leaves_no_shard_and_the_next_one_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from crossscale_data.shard import new_shard\n"
        "with new_shard(Path(sys.argv[1]), {}, {'x': ('<f4', (3,))}) as arrays:\n"
        "    arrays['x'][:] = 1\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    write(path, ABOUT, ARRAYS)
    assert open_shard(path, ABOUT).arrays["label"].tolist() == list(range(7))


def test_no_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """A file size limit stands for a full disk: both refuse the reservation."""
    program = (
        "import resource, sys; from pathlib import Path;"
        "from crossscale_data.shard import new_shard\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try:\n"
        "    with new_shard(Path(sys.argv[1]), {}, {'x': ('u1', (100000,))}):\n"
        "        print('block entered')\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.shard")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [str(errno.EFBIG)]
    assert list(tmp_path.iterdir()) == []


def test_room_is_taken_before_the_block_writes(tmp_path: Path) -> None:
    with new_shard(tmp_path / "a.shard", {}, {"x": ("u1", (1_000_000,))}):
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.stat().st_blocks * 512 >= 1_000_000


def test_an_open_shard_outlives_its_replacement(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    write(path, {}, {"x": np.ones(5000)})
    old = open_shard(path, {})
    write(path, {}, {"x": np.zeros(5)})
    assert (old.arrays["x"] == 1).all()
    assert (open_shard(path, {}).arrays["x"] == 0).all()


def test_python_objects_are_not_taken(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="not Python objects"),
        new_shard(tmp_path / "a.shard", {}, {"x": ("O", (3,))}),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@given(share=st.floats(0, 1, exclude_max=True))
@example(share=0.0)
@example(share=0.9999999)
def test_a_truncated_shard_is_refused(folder: Path, content: bytes, share: float) -> None:
    refusal(folder / "cut.shard", content[: int(share * len(content))])


@given(data=st.data())
def test_a_shard_cut_inside_its_header_is_refused(
    folder: Path, content: bytes, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, header_end(content)))
    said = refusal(folder / "cut.shard", content[:cut])
    if cut < PREFIX.size:
        assert "is not a prepared file" in said
    elif cut < header_end(content):
        assert "damaged header" in said
    else:
        assert f"holds {cut} bytes where its header announces {len(content)}" in said


@given(data=st.data())
def test_a_changed_byte_in_the_header_is_refused(
    folder: Path, content: bytes, data: st.DataObject
) -> None:
    spoilt = bytearray(content)
    spoilt[data.draw(st.integers(0, header_end(content) - 1))] ^= data.draw(st.integers(1, 255))
    refusal(folder / "flipped.shard", bytes(spoilt))


@given(tail=st.binary(min_size=1, max_size=5000))
def test_appended_bytes_are_refused(folder: Path, content: bytes, tail: bytes) -> None:
    assert "truncated or damaged" in refusal(folder / "long.shard", content + tail)


def test_another_magic_is_not_a_shard(tmp_path: Path, content: bytes) -> None:
    assert "is not a prepared file" in refusal(tmp_path / "a", b"\x93NUMPY\1\0" + content[8:])


def test_another_version_is_named(tmp_path: Path, content: bytes) -> None:
    later = content[:8] + struct.pack("<I", VERSION + 1) + content[12:]
    said = refusal(tmp_path / "a.shard", later)
    assert f"of version {VERSION + 1}, this suite reads version {VERSION}" in said


@pytest.mark.parametrize(
    ("key", "needed"), [("window_samples", 500), ("baseline_removed", False), ("unheard of", 1)]
)
def test_a_stale_shard_is_refused(tmp_path: Path, content: bytes, key: str, needed: Any) -> None:
    said = refusal(tmp_path / "a.shard", content, {**ABOUT, key: needed})
    assert f"stale: it was prepared with {key}={ABOUT.get(key)}, needed is {key}={needed}" in said


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("arrays", "signal", "offset"), 1 << 40),
        (("arrays", "signal", "offset"), -4096),
        (("arrays", "signal", "offset"), 0),
        (("arrays", "signal", "offset"), 8192.5),
        (("arrays", "signal", "offset"), None),
        (("arrays", "signal", "shape"), [-2, 1500]),
        (("arrays", "signal", "shape"), [2, 150_000]),
        (("arrays", "signal", "shape"), [10**30]),
        (("arrays", "signal", "shape"), [2.0, 1500.0]),
        (("arrays", "signal", "shape"), [1] * 65),
        (("arrays", "signal", "shape"), "2"),
        (("arrays", "record", "shape"), [0, 10**30]),
        (("arrays", "record", "shape"), [0, -1]),
        (("arrays", "label", "dtype"), "|O"),
        (("arrays", "label", "dtype"), "|S0"),
        (("arrays", "label", "dtype"), "f4,("),
        (("arrays", "label", "dtype"), "nonsense"),
        (("arrays", "label", "dtype"), None),
        (("arrays", "label"), []),
        (("arrays",), [1]),
        (("about",), [["view", "beats"]]),
        (("file_bytes",), -1),
        (("file_bytes",), "many"),
        (("file_bytes",), None),
    ],
)
def test_a_crafted_header_is_refused(
    tmp_path: Path, content: bytes, where: tuple[str, ...], value: Any
) -> None:
    header = json.loads(content[PREFIX.size : header_end(content)])
    assert with_header(header, content) == content
    crafted = copy.deepcopy(header)
    inner = crafted
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    refusal(tmp_path / "a.shard", with_header(crafted, content))


@given(header=JSON | st.binary(max_size=60))
@example(header=b"[" * 100_000)
@example(header=b"1" * 5000)
@example(header={"about": {}, "file_bytes": 0, "arrays": {}})
def test_any_other_header_is_refused(folder: Path, content: bytes, header: Any) -> None:
    refusal(folder / "crafted.shard", with_header(header, content))


@given(
    noise=st.binary(max_size=300), magic=st.sampled_from([b"", b"CSECGSHD", b"CSECGSHD\1\0\0\0"])
)
@example(noise=b"", magic=b"")
@example(noise=b"\xff" * 8, magic=b"CSECGSHD\1\0\0\0")
def test_random_bytes_are_refused(folder: Path, noise: bytes, magic: bytes) -> None:
    refusal(folder / "noise.shard", magic + noise)
