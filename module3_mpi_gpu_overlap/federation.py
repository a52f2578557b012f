"""One rank's part of a federation, round by round: train, average, and prepare the next round.

Blocking and non-blocking modes end a round with its average. In `G3` it is under way while the next
round trains, arrives a round late, and corrects what was trained since (delayed_correction.py).
"""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.averaging import averaging_of
from module3_mpi_gpu_overlap.client_data import Clients
from module3_mpi_gpu_overlap.client_training import ClientTraining
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.delayed_correction import correct
from module3_mpi_gpu_overlap.device import peak_memory_bytes, synchronize
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.ladder import LADDER
from module3_mpi_gpu_overlap.launch import AgreedError, World
from module3_mpi_gpu_overlap.layer_polls import needs_layer_polls, polled_layers
from module3_mpi_gpu_overlap.private_rounds import private_rounds
from module3_mpi_gpu_overlap.progress_helper import ProgressHelper
from module3_mpi_gpu_overlap.rank_report import RankReport, Update
from module3_mpi_gpu_overlap.sampling import shares_of
from module3_mpi_gpu_overlap.screening import Screening, is_absurd, update_length
from module3_mpi_gpu_overlap.server import Server
from module3_mpi_gpu_overlap.timing import Timeline

NAP_S = 1e-3


class Federation:
    """What a rank holds from one round to the next."""

    def __init__(
        self,
        world: World,
        settings: Settings,
        model: FlatModel,
        clients: Clients,
        class_weight: Tensor,
        seed: int,
    ) -> None:
        """Before the first round; `model` must be the same on all ranks."""
        self._comm, self._rank, self._settings = world.comm, world.rank, settings
        self._heartbeat = world.heartbeat
        self._clients, self.model = clients, model
        self.training = ClientTraining(settings, model, clients, class_weight, seed)
        self.delayed = LADDER[settings.mode].delayed
        self._sampled_count = len(self.training.sampled(0))
        self.averaged = model.vector.clone()  # the newest averaged model
        tally_length = 2 * self._sampled_count + len(model.counters())
        self.averaging = averaging_of(settings, world.comm, model, self.averaged, tally_length)
        self.averaged_round = -1  # the round that it is of
        self._base = self.averaged  # what the newest average's changes were changes of
        self._start = model.vector.clone() if self.delayed else self.averaged
        self._own = model.vector.clone() if self.delayed else None  # what was contributed last
        self._own_tally = self.averaging.tally.copy()
        self._own_counts = True  # whether anything of this rank is in the average under way
        self._under_way = -1  # the round whose average is; -1 if none is
        self._server = Server(settings, model.parameters_count, model.vector)
        self._screening = Screening(settings.screening_ratio)
        self._private = private_rounds(settings, seed, model.variances)
        self.polls_layers = needs_layer_polls(
            self.averaging.payload_bytes, settings.local_steps, model.vector.device.type
        )

    def round(self, index: int, last: bool, offset_s: float, helper: ProgressHelper) -> RankReport:
        """One round on this rank; all ranks call it together. `offset_s` is the clock's.

        Raises:
            AgreedError: no client's update was usable.
        """
        device, copies_s = self.model.vector.device, self.averaging.copies_s
        polls = helper.polls or self.averaging.in_phases
        poll = self._polled if polls else self._heartbeat.beat
        self._heartbeat.beat(f"its own training in round {index}")
        if self._under_way >= 0:  # for a run that was just resumed
            helper.resume()
        begin_s = MPI.Wtime() - offset_s
        updates = self._train(index, poll)
        synchronize(device)
        arrival_s = MPI.Wtime() - offset_s
        if self._under_way >= 0:
            helper.pause()
            self._receive(settle=False)
        received_s = MPI.Wtime() - offset_s
        accepted = self._contribute(index, updates)
        helper.resume()
        self._heartbeat.beat(f"its own batches of round {index + 1}")
        started_s = MPI.Wtime() - offset_s
        self.training.prepare(index + 1, poll)
        prepared_s = MPI.Wtime() - offset_s
        if last or not self.delayed:
            helper.pause()
            self._receive(settle=True)
        synchronize(device)
        end_s = MPI.Wtime() - offset_s

        trained = [update.client for update in updates]
        losses = [u.loss for u in updates if u.client in accepted and np.isfinite(u.loss)]
        shares = self._shares(index)
        spent_copying_s = self.averaging.copies_s - copies_s
        return RankReport(
            timeline=Timeline(
                begin_s,
                arrival_s,
                end_s,
                ((received_s, started_s), (prepared_s, end_s)),
                prepared_s - started_s,
                delayed=((arrival_s, received_s),) if self.delayed else (),
            ),
            loss=float(np.mean(losses)) if losses else None,
            beats=len(trained) * self._settings.local_steps * self._settings.batch_size,
            weight=sum(shares[client] for client in trained),
            screened=tuple(client for client in trained if client not in accepted),
            copies_s=None if device.type == "cpu" else spent_copying_s,
            accelerator_memory_bytes=peak_memory_bytes(device),
        )

    def settle(self) -> None:
        """Wait for an average under way that no round follows; collective."""
        if self._under_way >= 0:
            self._receive(settle=True)

    def shared_state(self) -> dict[str, Any]:
        """What is the same on all ranks, for a run to be resumed."""
        return {
            "model": self.averaged.cpu().clone(),
            "round": self.averaged_round,
            "counters": self.model.counters(),
            "server": self._server.state(),
            "lengths": self._screening.lengths,
        }

    def own_state(self) -> dict[str, Any]:
        """What only this rank has, for a run to be resumed by as many ranks."""
        random = {"cpu": torch.get_rng_state()}
        if (device := self.model.vector.device).type != "cpu":
            random["device"] = torch.get_device_module(device).get_rng_state(device)
        own: dict[str, Any] = {}
        if self._own is not None:
            own = {"model": self._own.cpu().clone(), "base": self._base.cpu().clone()}
        tally = torch.from_numpy(self._own_tally.copy())
        own["wire"] = self.averaging.kept(resend=self.delayed)
        return {"training": self.training.state(), "random": random, "tally": tally, **own}

    def load(
        self, last_round: int, shared: Mapping[str, Any], own: Mapping[str, Any] | None
    ) -> None:
        """Go on from what was kept after `last_round`; collective.

        Without an own state only the averaged model, the server and the screening go on.
        """
        self.averaged.copy_(shared["model"])
        self.averaged_round = shared["round"]
        self.model.vector.copy_(self.averaged)
        self.model.set_counters(shared["counters"])
        self._server.load(shared["server"])
        self._screening.lengths = list(shared["lengths"])
        if own is None:
            return
        self.training.load(own["training"])
        torch.set_rng_state(own["random"]["cpu"])
        if (device := self.model.vector.device).type != "cpu":
            torch.get_device_module(device).set_rng_state(own["random"]["device"], device)
        self.averaging.load(own["wire"])
        if self._own is not None:  # its average was under way: send it again
            self._own.copy_(own["model"])
            self.averaged.copy_(own["base"])
            self.model.vector.copy_(self._own)
            self._own_tally[:] = own["tally"].numpy()
            if self._accepted(last_round):
                self.averaging.add(self._own, self._shares(last_round)[self._rank])
            self._send(last_round)

    def _polled(self) -> None:
        self._heartbeat.beat()
        self.averaging.poll()

    def _train(self, index: int, poll: Callable[[], None]) -> list[Update]:
        """Train this rank's clients of the round.

        Each is added up when it has trained, where it can be judged by then: its model is gone when
        the next one begins. In the first round, models are kept until all ranks' lengths are known.
        """
        if self.delayed:
            self._start.copy_(self.model.vector)
        self._own_tally[:] = 0.0
        begin_s, updates = MPI.Wtime(), []
        under_way = self.polls_layers and self._under_way >= 0
        with polled_layers(self.model.module, poll) if under_way else nullcontext():
            for trained in self.training.train(index, self._start, poll):
                length = update_length(self.model.vector, self._start)
                model = self.model.vector if self._screening.ready else self.model.vector.clone()
                updates.append(Update(trained.client, trained.loss, length, model))
                if self._screening.ready and not self.delayed:
                    self._judge(index, updates[-1])
        if self._rank == self._settings.slow_rank:
            end_s = MPI.Wtime() + self._settings.slow_ratio * (MPI.Wtime() - begin_s)
            while MPI.Wtime() < end_s:
                time.sleep(NAP_S)
                poll()
        return updates

    def _judge(self, index: int, update: Update) -> None:
        """Add an update to the round's average, or screen it out."""
        usable = self._screening.accepts(update.length, update.loss)
        if not (usable and self.averaging.holds(update.model)):
            self.training.forget_optimizer(update.client)
            return
        slot = self.training.sampled(index).index(update.client)
        self._own_tally[slot] = update.length
        self._own_tally[self._sampled_count + slot] = self._clients.beats[update.client]
        added = update.model
        if self._private:
            added = self._private.clipped(added, self._start)
        self.averaging.add(added, self._shares(index)[update.client])

    def _contribute(self, index: int, updates: list[Update]) -> set[int]:
        """Judge what has not been, and send this rank's sum; its clients that are in it."""
        known = self._screening.ready
        self._heartbeat.beat(f"the other ranks' models of round {index}")
        if not known:
            usable = [update.length for update in updates if not is_absurd(update.loss)]
            self._screening.begin(self._comm, usable)
        if self.delayed or not known:
            for update in updates:
                self._judge(index, update)
        if self._own is not None:
            self._own.copy_(self.model.vector)
        sampled = self.training.sampled(index)
        if sampled[0] in self._clients.own:  # one client's counters stand for all
            self._own_tally[2 * self._sampled_count :] = self.model.counters()
        self._send(index)
        return self._accepted(index)

    def _shares(self, index: int) -> dict[int, float]:
        """Each client's weight in a round's average."""
        sampled = self.training.sampled(index)
        if self._private:
            return self._private.shares(sampled)
        return shares_of(self._clients.beats, sampled)

    def _accepted(self, index: int) -> set[int]:
        """This rank's clients that are in what it contributed."""
        beats = self._own_tally[self._sampled_count :][: self._sampled_count]
        sampled = self.training.sampled(index)
        return {client for client, count in zip(sampled, beats, strict=True) if count}

    def _send(self, index: int) -> None:
        self._own_counts = bool(self._accepted(index))
        self.averaging.tally[:] = self._own_tally
        self.averaging.start()
        self._under_way = index

    def _receive(self, settle: bool) -> None:
        """Wait for the average under way, and make it this rank's model or correct it by it.

        With `settle` nothing was trained since it was sent, and all ranks end with its bits.
        """
        self._heartbeat.beat(f"the other ranks' models of round {self._under_way}")
        self.averaging.finish()
        self._heartbeat.beat()
        self.averaged_round, self._under_way = self._under_way, -1
        count = self._sampled_count
        lengths, beats, counters = np.split(self.averaging.tally, [count, 2 * count])
        planned = sum(self._clients.beats[k] for k in self.training.sampled(self.averaged_round))
        if not beats.any():
            raise AgreedError(
                f"no client's model was usable after round {self.averaged_round}: all updates were "
                "not finite, absurdly long or of an absurd loss; lower --learning-rate, or look at "
                "the clients' data"
            )
        average = self.averaging.average
        if self._private:
            self._private.finish(average, self._start, count, self.averaged_round)
        elif beats.sum() != planned:
            average.mul_(planned / beats.sum())
        self._screening.learn(lengths[beats > 0].tolist())
        if self._own is None:
            self._server.step(self.averaged, average)
            self.model.vector.copy_(self.averaged)
            self.model.set_counters(counters.astype(int).tolist())
        else:
            if settle:  # a run that goes on sends this average again
                self._base = self.averaged.clone()
            self.averaged.copy_(average)
            if settle or not self._own_counts:
                self.model.vector.copy_(average)
            else:
                correct(self.model.vector[: self.model.parameters_count], average, self._own)
        self.averaging.clear()
