"""What only an accelerator runs, on the meta device or with its calls noted."""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.rr_context import CONTEXT_FEATURES
from module3_mpi_gpu_overlap import device, device_memory, totals, wire, wire_int8
from module3_mpi_gpu_overlap.config import TrainConfig
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.local_training import (
    Batch,
    BatchStream,
    LocalOptimizer,
    ProximalTerm,
    train_locally,
)
from module3_mpi_gpu_overlap.models import model_of
from module3_mpi_gpu_overlap.wire_format import WireFormat

META = torch.device("meta")
BATCH, STEPS = 16, 3
# The losses are read once all steps are done: no number is to be had of meta.
NO_NUMBERS = pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor")


def beats() -> BeatInputs:
    rng = np.random.default_rng(0)
    return BeatInputs(
        rng.standard_normal((64, 2, 108)).astype(np.float32),
        rng.standard_normal((64, CONTEXT_FEATURES)).astype(np.float32),
        rng.integers(0, 5, 64).astype(np.uint8),
        np.full(64, 101, np.int16),
    )


@pytest.fixture
def one_client() -> tuple[FlatModel, LocalOptimizer, list[Batch]]:
    """A model, its optimiser and batches, all on the meta device."""
    config = TrainConfig()
    model = FlatModel(model_of(config, 2, CONTEXT_FEATURES), META)
    batches = BatchStream(beats(), BATCH, META, [0]).prepare(STEPS)
    return model, LocalOptimizer(model.module, config, META), batches


def test_model_batches_and_gradients_are_on_the_device(
    one_client: tuple[FlatModel, LocalOptimizer, list[Batch]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, optimizer, batches = one_client
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # has no meta device
    assert model.vector.device.type == "meta"
    assert all(part.device.type == "meta" for batch in batches for part in vars(batch).values())
    steps: list[int] = []
    with NO_NUMBERS:
        train_locally(
            model.module,
            optimizer,
            batches,
            torch.ones(5, device=META),
            "float32",
            ProximalTerm(model.module, 0.1),
            lambda: steps.append(1),
        )
    assert len(steps) == STEPS
    gradients = [p.grad for p in model.module.parameters()]
    assert all(g is not None and g.device.type == "meta" for g in gradients)


def test_a_batch_that_stays_on_the_cpu_fails(
    one_client: tuple[FlatModel, LocalOptimizer, list[Batch]],
) -> None:
    model, _, _ = one_client
    (batch,) = BatchStream(beats(), BATCH, torch.device("cpu"), [0]).prepare(1)
    with pytest.raises(RuntimeError, match="meta"):
        model.module(batch.waveform, batch.context)


@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_autocast_and_the_scaler_are_those_of_the_device(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    asked: list[tuple[str, Any]] = []

    def autocast(kind: str, dtype: Any, enabled: bool) -> Any:
        asked.append((kind, dtype if enabled else None))
        return nullcontext()

    class Scaler:
        def __init__(self, kind: str, enabled: bool) -> None:
            asked.append((kind, "scaled" if enabled else None))

        def scale(self, loss: torch.Tensor) -> torch.Tensor:
            return loss

        def step(self, optimizer: torch.optim.Optimizer) -> None:
            optimizer.step()

        def update(self) -> None:
            return None

    monkeypatch.setattr(torch, "autocast", autocast)
    monkeypatch.setattr(torch.amp, "GradScaler", Scaler)
    config = TrainConfig(precision=precision)  # type: ignore[arg-type]
    module = model_of(config, 2, CONTEXT_FEATURES).to(META)
    optimizer = LocalOptimizer(module, config, META)
    batches = BatchStream(beats(), BATCH, META, [0]).prepare(1)
    with NO_NUMBERS:
        train_locally(module, optimizer, batches, torch.ones(5, device=META), precision)
    dtype = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    assert asked == [("meta", "scaled" if precision == "fp16" else None), ("meta", dtype)]


@pytest.mark.mpi
def test_payloads_of_compressed_wires_go_through_host_memory() -> None:
    from module3_mpi_gpu_overlap.compressed_average import _Transfer

    transfer = _Transfer([4, 8], META)
    host, sizes, starts, _ = transfer.message
    assert (host.shape, sizes, starts) == ((12,), [4, 8], [0, 4])
    assert [payload.device.type for payload in transfer.payloads] == ["meta", "meta"]
    assert transfer.to_device() > 0
    transfer._device_side = torch.arange(12, dtype=torch.uint8)  # numbers, as a device has them
    assert transfer.to_host() > 0
    assert host.tolist() == list(range(12))


@pytest.mark.mpi
def test_where_mpi_reads_the_device_it_gets_the_tensor_itself_once_it_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mpi4py import MPI

    vector = torch.randn(101, generator=torch.Generator().manual_seed(1))
    sent: list[Any] = []
    waited: list[torch.device] = []
    monkeypatch.setattr(totals, "synchronize", waited.append)
    # As on an accelerator: the tensor, which MPI takes by its DLPack.
    monkeypatch.setattr(totals, "_message", lambda numbers: sent.append(numbers) or numbers)
    total = totals.FloatTotal(MPI.COMM_SELF, vector)
    total.add(vector, 1.0)
    total.reduce(slice(0, 101))
    assert isinstance(sent[0], torch.Tensor)
    assert waited == [torch.device("cpu")]
    assert torch.equal(total.average, vector)


@pytest.mark.mpi
@pytest.mark.parametrize(("reads", "transfer"), [(True, "direct"), (False, "staged")])
def test_an_accelerators_sum_is_direct_where_mpi_says_so_and_always_has_staging(
    monkeypatch: pytest.MonkeyPatch, reads: bool, transfer: str
) -> None:
    from mpi4py import MPI

    monkeypatch.setattr(totals, "mpi_reads", lambda _: reads)
    staged: list[torch.Tensor] = []
    monkeypatch.setattr(totals, "Staging", lambda vector: staged.append(vector) or object())
    total = totals.FloatTotal(MPI.COMM_SELF, torch.zeros(8, device=META))
    assert [vector.device.type for vector in staged] == ["meta"]
    assert total.transfer == transfer


@pytest.mark.mpi
def test_staging_is_page_locked_and_has_a_stream_of_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    empty, vector = torch.empty, torch.zeros(8, device=META)

    def noting(shape: Any, dtype: Any, pin_memory: bool) -> torch.Tensor:
        asked.append(pin_memory)
        return empty(shape, dtype=dtype)

    monkeypatch.setattr(device_memory.torch, "empty", noting)
    monkeypatch.setattr(device_memory.torch, "Stream", lambda of: asked.append(of.type))
    device_memory.Staging(vector)
    assert asked == [True, "meta"]


def test_the_accelerator_is_waited_for_and_asked_for_its_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    monkeypatch.setattr(torch.accelerator, "max_memory_allocated", lambda of: 7)
    cuda = torch.device("cuda", 1)
    device.synchronize(cuda)
    assert waited == [cuda]
    assert device.peak_memory_bytes(cuda) == 7


@pytest.mark.parametrize("backend", [torch.cuda, torch.xpu], ids=["cuda", "xpu"])
def test_what_is_asked_of_a_backend_is_there(backend: Any) -> None:
    """Calls that are made only where there is one, by their names and parameters in this torch."""
    calls: dict[str, tuple[object, ...]] = {
        "get_rng_state": ("cuda:0",),
        "set_rng_state": (torch.zeros(1), "cuda:0"),
        "get_device_properties": ("cuda:0",),
        "get_device_name": (),
    }
    for name, arguments in calls.items():
        call: Callable[..., object] = getattr(backend, name)
        inspect.signature(call).bind(*arguments)


@pytest.mark.parametrize("name", ["float32", "bf16", "fp16", "int8"])
def test_payloads_made_all_at_once_have_the_bits_of_those_made_tile_by_tile(
    monkeypatch: pytest.MonkeyPatch, name: WireFormat
) -> None:
    """An accelerator works on the whole vector, a CPU on tiles: here the CPU does as both."""
    codec = wire.codec_of(name)
    vector = torch.randn(3 * wire.TILE_ELEMENTS + 77, generator=torch.Generator().manual_seed(0))
    tiles, found = wire.tiles, []
    assert len(list(tiles(len(vector), META))) == 1 < len(list(tiles(len(vector), vector.device)))
    for how in (tiles, lambda elements, _: tiles(elements, META)):
        for module in (wire, wire_int8):
            monkeypatch.setattr(module, "tiles", how)
        payload = torch.zeros(codec.payload_bytes(len(vector)), dtype=torch.uint8)
        codec.encode(vector, payload)
        found.append((payload, wire.decode_sum(codec, [payload, payload], vector.clone())))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["float32", "int8", "top-k"])
def test_payloads_are_made_and_read_on_the_device(name: WireFormat) -> None:
    codec, vector = wire.codec_of(name), torch.zeros(1000, device=META)
    payload = torch.zeros(codec.payload_bytes(1000), dtype=torch.uint8, device=META)
    assert codec.encode(vector, payload) == 0
    assert wire.decode_sum(codec, [payload], vector).device.type == "meta"
