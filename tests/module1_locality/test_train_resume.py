"""`train` interrupted and resumed: killed at any moment, it ends where it would have ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from crossscale_data.packed_inputs import load_packed_inputs
from crossscale_data.source import Source
from crossscale_results import UserError, read_table
from module1_locality import train as train_module
from module1_locality.classifier_columns import CLASSIFIER_TABLE
from module1_locality.train import train
from module1_locality.train_config import Feeding, Recipe, Train

FILE = "beatnet-record-seed0-DS1.pt"


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def config_of(source: Source, folder: Path, **options: object) -> Train:
    given: dict[str, object] = {
        "data_dir": source.directory,
        "results_dir": folder / "results",
        "checkpoint": folder / "kept",
        "models": ("tinyecg",),
        "seeds": (0, 1),
        "recipe": Recipe(epochs=2, batch_size=128),
        "threads": 1,
        "device": "cpu",
    }
    return Train(**(given | options))  # type: ignore[arg-type]


def stop_after(epochs: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C right after that many epochs."""
    real = train_module.Checkpoint.save
    left = iter(range(epochs - 1, -1, -1))

    def save(checkpoint, state):  # type: ignore[no-untyped-def]
        real(checkpoint, state)
        if next(left) == 0:
            raise KeyboardInterrupt

    patch.setattr(train_module.Checkpoint, "save", save)


def test_a_resumed_run_has_all_rows_and_trains_only_what_is_left(
    short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config_of(short_synthetic, whole))
    with monkeypatch.context() as patch:
        stop_after(3, patch)  # in the second seed's second epoch
        with pytest.raises(KeyboardInterrupt):
            train(config_of(short_synthetic, parts))
    trained = []
    real = train_module.train_by_rung

    def noted(training, *arguments):  # type: ignore[no-untyped-def]
        trained.append(training.epochs_done)
        real(training, *arguments)

    monkeypatch.setattr(train_module, "train_by_rung", noted)
    train(config_of(short_synthetic, parts, resume=True))
    assert trained == [2, 1]
    expected = read_table(CLASSIFIER_TABLE, whole / "results")
    rows = read_table(CLASSIFIER_TABLE, parts / "results")
    last = rows[rows["run_id"] == rows["run_id"].iloc[-1]]
    same = ["seed", "scored_on", "n_f1", "accuracy_ratio", "n_as_s_count", "v_as_n_count"]
    assert last[same].values.tolist() == expected[same].values.tolist()


def test_what_was_kept_is_not_overwritten(short_synthetic: Source, tmp_path: Path) -> None:
    config = config_of(short_synthetic, tmp_path, seeds=(0,))
    train(config)
    before = (tmp_path / "kept" / "tinyecg-record-seed0-DS1.pt").read_bytes()
    with pytest.raises(UserError, match=r"tinyecg-record-seed0-DS1.pt is there already: give"):
        train(config)
    assert (tmp_path / "kept" / "tinyecg-record-seed0-DS1.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": Recipe(epochs=3, batch_size=128)}, "its epochs is 2, here it is 3"),
        ({"feeding": Feeding(rung="A1")}, "its rung is A5, here it is A1"),
        ({"seeds": (7,)}, "nothing to resume in .*kept: it holds no tinyecg-record-seed7-DS1.pt"),
    ],
)
def test_another_configuration_is_not_resumed(
    short_synthetic: Source, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    train(config_of(short_synthetic, tmp_path, seeds=(0,)))
    given = {"seeds": (0,), "resume": True} | options
    with pytest.raises(UserError, match=message):
        train(config_of(short_synthetic, tmp_path, **given))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ("crossscale_data/rr_context.py", "inputs_code"),
        ("crossscale_data/labels.py", "inputs_beats_code"),
        ("crossscale_data/classifier.py", "model_code"),
        ("module1_locality/classifier_training.py", "training_code"),
    ],
)
def test_weights_of_other_code_are_not_gone_on_with(
    short_synthetic: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: str,
    named: str,
) -> None:
    given: dict[str, object] = {"seeds": (0,), "recipe": Recipe(epochs=1, batch_size=128)}
    train(config_of(short_synthetic, tmp_path, **given))
    inputs = load_packed_inputs(short_synthetic, "record")
    read_bytes = Path.read_bytes

    def read(path: Path) -> bytes:
        return read_bytes(path) + (b"#" if str(path).endswith(changed) else b"")

    monkeypatch.setattr(Path, "read_bytes", read)
    monkeypatch.setattr(train_module, "load_packed_inputs", lambda *_: inputs)
    with pytest.raises(UserError, match=rf"another training: its {named} is \d+, here it is"):
        train(config_of(short_synthetic, tmp_path, resume=True, **given))


def test_weights_that_do_not_fit_are_one_sentence(short_synthetic: Source, tmp_path: Path) -> None:
    given: dict[str, object] = {"seeds": (0,), "recipe": Recipe(epochs=1, batch_size=128)}
    train(config_of(short_synthetic, tmp_path, **given))
    (file,) = (tmp_path / "kept").iterdir()
    kept = torch.load(file, weights_only=True)
    kept["state"]["network"].popitem()
    torch.save(kept, file)
    with pytest.raises(UserError, match=f"{file.name} holds weights of another network or"):
        train(config_of(short_synthetic, tmp_path, resume=True, **given))


def test_a_folder_that_cannot_be_made_is_told_before_training(
    short_synthetic: Source, tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(UserError, match=r"--checkpoint .*kept cannot be made"):
        train(config_of(short_synthetic, tmp_path))
    assert not (tmp_path / "results").exists()


def test_resuming_needs_a_folder_and_something_in_it(
    short_synthetic: Source, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="--resume needs --checkpoint"):
        train(config_of(short_synthetic, tmp_path, checkpoint=None, resume=True))
    with pytest.raises(UserError, match=r"nothing to resume in .*kept"):
        train(config_of(short_synthetic, tmp_path, resume=True))
    assert not list(tmp_path.iterdir())


# The command, which sends itself a signal some time after the first epoch that it keeps.
KILLED_PROGRAM = """
import os, runpy, sys, threading
from module1_locality.classifier_checkpoint import Checkpoint

delay_s, signal = float(sys.argv[1]), int(sys.argv[2])
save = Checkpoint.save

def save_and_be_killed(checkpoint, state):
    save(checkpoint, state)
    Checkpoint.save = save
    threading.Timer(delay_s, os.kill, (os.getpid(), signal)).start()

Checkpoint.save = save_and_be_killed
del sys.argv[1:3]
runpy.run_module("module1_locality.train", run_name="__main__")
"""
AS_IT_IS = ("-m", "module1_locality.train")


def command_of(program: tuple[str, ...], source: Source, folder: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, *program, "--models", "beatnet", "--seeds", "0"),
        *("--recipe.epochs", "14", "--recipe.batch-size", "32", "--threads", "1"),
        *("--data-dir", str(source.directory), "--results-dir", str(folder / "results")),
        *("--device", "cpu", "--checkpoint", str(folder / "kept"), *more),
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(
    short_synthetic: Source, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    reference = subprocess.Popen(
        command_of(AS_IT_IS, short_synthetic, whole),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    file = parts / "kept" / FILE
    done = 0
    for sent in (signal.SIGKILL, signal.SIGINT):
        resume = ["--resume"] if file.exists() else []
        killed = ("-c", KILLED_PROGRAM, str(rng.uniform(0, 0.2)), str(int(sent)))
        child = subprocess.run(
            command_of(killed, short_synthetic, parts, *resume),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        kept = torch.load(file, weights_only=True)
        assert kept["state"]["epochs_done"] > done
        done = kept["state"]["epochs_done"]
        if sent == signal.SIGINT:
            assert child.returncode == 130
            assert child.stderr.strip().endswith("error: interrupted; what was finished is kept")
            assert "Traceback" not in child.stderr
        else:
            assert child.returncode == -sent
    assert done < 14, "nothing was left to be resumed"
    subprocess.run(
        command_of(AS_IT_IS, short_synthetic, parts, "--resume"),
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert reference.wait(timeout=120) == 0
    expected, found = (
        torch.load(folder / "kept" / FILE, weights_only=True)["state"] for folder in (whole, parts)
    )
    assert found["epochs_done"] == expected["epochs_done"] == 14
    assert found["schedule"] == expected["schedule"]
    for name, tensor in expected["network"].items():
        assert torch.equal(found["network"][name], tensor), name
    for key, values in expected["optimizer"]["state"].items():
        for name, tensor in values.items():
            assert torch.equal(found["optimizer"]["state"][key][name], tensor)
