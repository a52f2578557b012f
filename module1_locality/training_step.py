"""The work that every rung feeds: one training step of the paper's TinyECG."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from crossscale_data.classifier import build_model
from module1_locality.epoch import Epoch
from module1_locality.lanes import Batch, Lane
from module1_locality.rungs import Rung

LEARNING_RATE = 1e-3
_GRAPHS = {"cuda": "CUDAGraph", "xpu": "XPUGraph"}
_TRIES = 3  # before capture: libraries choose their algorithms and take their memory
_Record = Callable[[Callable[[], None], torch.device], Callable[[], None]]


class TrainingStep:
    """TinyECG under Adam, started from the same weights for the same seed."""

    def __init__(self, seed: int, lane: Lane, capturable: bool = False) -> None:
        torch.manual_seed(seed)
        self._lane = lane
        self._model = build_model("tinyecg", channels=1, context_features=0).to(lane.device)
        self._optimizer = torch.optim.Adam(
            self._model.parameters(), lr=LEARNING_RATE, capturable=capturable
        )
        self._losses: list[Tensor] = []

    def __call__(self, batch: Batch) -> None:
        """Forward, backward and update; nothing in here waits for the device."""
        with self._lane.time_compute():
            loss = self._step(batch)
        self._losses.append(loss)

    def losses(self) -> list[float]:
        """Training loss of each step so far, in nat; waits for the device."""
        return torch.stack(self._losses).tolist()

    def _step(self, batch: Batch) -> Tensor:
        waveform, label = batch
        self._optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(self._model(waveform, None), label)
        loss.backward()
        self._optimizer.step()
        return loss.detach()


class CapturedStep(TrainingStep):
    """The same step recorded once as a graph, and replayed with one launch.

    The host that launches the hundred kernels of an eager step takes longer than a data-centre GPU
    takes to run them. Batches are copied to where the graph reads them, on the device.
    """

    def __init__(
        self, seed: int, lane: Lane, batch_shape: tuple[int, ...], record: _Record | None = None
    ) -> None:
        """For batches float32 `batch_shape`; `record` makes a graph of some work, by default torch.

        What is tried out before the recording leaves no trace in weights and moments.
        """
        super().__init__(seed, lane, capturable=why_not_captured(lane.device) is None)
        self._batch = (
            torch.zeros(batch_shape, device=lane.device),
            torch.zeros(batch_shape[0], dtype=torch.int64, device=lane.device),
        )
        self._loss = torch.zeros((), device=lane.device)
        weights = {name: tensor.clone() for name, tensor in self._model.state_dict().items()}
        for _ in range(_TRIES):
            self._work()
        self._model.load_state_dict(weights)
        for moments in self._optimizer.state.values():
            for moment in moments.values():
                moment.zero_()
        self._replay = (record or recorded)(self._work, lane.device)

    def _work(self) -> None:
        self._loss.copy_(super()._step(self._batch))

    def _step(self, batch: Batch) -> Tensor:
        for part, own in zip(batch, self._batch, strict=True):
            own.copy_(part)
        self._replay()
        return self._loss.clone()


def training_step_of(rung: Rung, epoch: Epoch, lane: Lane) -> TrainingStep:
    """The step as the rung wants it, with the epoch's seed."""
    if not rung.captured:
        return TrainingStep(epoch.shuffle.seed, lane)
    batch_shape = epoch.batch_size, 1, epoch.windows.samples.shape[1]
    return CapturedStep(epoch.shuffle.seed, lane, batch_shape)


def recorded(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """What replays `work`, whose tensors stay where they are; it is not run by the recording."""
    module = torch.get_device_module(device)
    graph = getattr(module, _GRAPHS[device.type])()
    with module.graph(graph):
        work()
    replay: Callable[[], None] = graph.replay
    return replay


def why_not_captured(device: torch.device) -> str | None:
    """Why steps on this device cannot be recorded; None if they can."""
    if hasattr(getattr(torch, device.type, None), _GRAPHS.get(device.type, "")):
        return None
    return f"torch {torch.__version__} records no graphs on {device.type}"
