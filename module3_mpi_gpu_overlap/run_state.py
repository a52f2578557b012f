"""The state of a run after a round, kept so that it can be resumed.

A kept round is one file of what all ranks share, `round-7.pt`, and one of each rank's own
(optimisers, places in the beats, random numbers), `round-7.rank-0-of-2.pt`. The shared file is
written last: if it is there, the round is complete. Only then are earlier rounds removed, so that
whenever a rank is killed the last complete round is intact; what a killed run left half-written is
removed when a run starts in its folder. Every file is sealed (`sealed_file`).

Resumed by as many ranks, a run goes on bit for bit. With another number each rank begins anew from
the averaged model: where clients are ranks, optimisers, batch order and dropout then differ from
the uninterrupted run's, and `G3` loses the round whose average was under way; where clients are not
ranks, nothing differs but the order of the sum (and not even that with `--sum fixed-point`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.launch import World, agreed
from module3_mpi_gpu_overlap.sealed_file import load_sealed, save_sealed

if TYPE_CHECKING:
    from module3_mpi_gpu_overlap.federation import Federation

SHARED = re.compile(r"round-(\d+)\.pt")
ANY_ROUND = re.compile(r"\.?round-(\d+)\.(rank-\d+-of-\d+\.)?pt(\.\d+)?")


@dataclass(frozen=True)
class KeptRun:
    """Where a run's state is kept, how often, and of what run it must be."""

    directory: Path
    every: int
    about: Mapping[str, str]  # what a resumed run must have in common, as text
    rounds: int  # of the whole run
    go_on: bool

    def resume(self, world: World, federation: "Federation") -> int:
        """Load the last complete round, if that is wanted; the next round's number. Collective.

        The run may have been killed when all rounds were done: then there is no next one.

        Raises:
            AgreedError: there is none, it cannot be read, or it is another run's.
        """
        agreed(world, lambda: remove_leftovers(self.directory) if world.rank == 0 else None)
        if not self.go_on:
            agreed(world, lambda: self._refuse_to_overwrite() if world.rank == 0 else None)
            return 0
        shared = agreed(world, self._load_shared)
        index, ranks = shared["last_round"], shared["ranks"]
        own = None
        if ranks == world.size:
            own = agreed(world, lambda: self._load_own(index, world, federation))
        else:
            print(f"note: kept by {ranks} ranks, resumed by {world.size}: each begins anew from it")
        federation.load(index, shared["state"], own)
        print(f"resumed after round {index} from {self.directory}")
        return index + 1

    def keep(self, world: World, federation: "Federation", index: int, last: bool) -> None:
        """Keep the state after round `index`, if its turn has come; collective.

        Raises:
            AgreedError: it cannot be written; the round kept before is intact.
        """
        if not last and (index + 1) % self.every:
            return
        world.heartbeat.beat(f"the state after round {index} to be kept")
        own = {"state": federation.own_state(), "place": self._place(world, federation)}
        agreed(world, lambda: save_sealed(self._own_path(index, world), own))
        shared = {
            "last_round": index,
            "ranks": world.size,
            "about": dict(self.about),
            "state": federation.shared_state(),
        }
        if world.rank == 0:
            path = self._shared_path(index)
            agreed(world, lambda: save_sealed(path, shared))
            self._remove_before(index)
        else:
            agreed(world, lambda: None)

    def _load_shared(self) -> dict[str, Any]:
        rounds = kept_rounds(self.directory)
        if not rounds:
            raise UserError(
                f"{self.directory} holds no state to resume from: start without --resume"
            )
        path = self._shared_path(max(rounds))
        shared = load_sealed(path)
        if shared["last_round"] + 1 > self.rounds:
            raise UserError(
                f"{path} is of a run that has done {shared['last_round'] + 1} rounds already: ask "
                "for at least as many --rounds to go on with it"
            )
        for what, value in self.about.items():
            if shared["about"].get(what) != value:
                raise UserError(
                    f"{path} is of a run with {what} {shared['about'].get(what)}, and this one has "
                    f"{value}: resume with what it was started with"
                )
        return shared

    def _load_own(self, index: int, world: World, federation: "Federation") -> dict[str, Any]:
        path = self._own_path(index, world)
        kept, place = load_sealed(path), self._place(world, federation)
        if (kept_at := kept.get("place", "by an earlier version")) != place:
            raise UserError(
                f"{path} was kept {kept_at}, and this rank is {place}: go on where it "
                "was kept, or with another number of ranks: these begin anew from the average"
            )
        state: dict[str, Any] = kept["state"]
        return state

    def _place(self, world: World, federation: "Federation") -> str:
        """What a rank's own state depends on: its device and, by nodes, whether it leads one."""
        device = f"on {federation.model.vector.device.type}"
        by_nodes = self.about.get("--exchange") == "hierarchical"
        return f"{device} as number {world.local_rank} of a node" if by_nodes else device

    def _refuse_to_overwrite(self) -> None:
        if rounds := kept_rounds(self.directory):
            raise UserError(
                f"{self.directory} holds the state of a run after round {max(rounds)}: go on with "
                "--resume, or name another folder"
            )

    def _remove_before(self, index: int) -> None:
        """Remove earlier rounds, and what was left half-written when a rank was killed."""
        for path in self.directory.iterdir():
            name = ANY_ROUND.fullmatch(path.name)
            if name and int(name[1]) < index:
                path.unlink(missing_ok=True)

    def _shared_path(self, index: int) -> Path:
        return self.directory / f"round-{index}.pt"

    def _own_path(self, index: int, world: World) -> Path:
        return self.directory / f"round-{index}.rank-{world.rank}-of-{world.size}.pt"


def kept_rounds(directory: Path) -> list[int]:
    """The complete rounds in a folder, which need not exist."""
    if not directory.is_dir():
        return []
    names = [SHARED.fullmatch(path.name) for path in directory.iterdir()]
    return sorted(int(name[1]) for name in names if name)


def intact_rounds(directory: Path) -> list[int]:
    """Those of them whose every file holds what was written."""
    return [index for index in kept_rounds(directory) if _is_intact(directory, index)]


def remove_leftovers(directory: Path) -> None:
    """Remove what killed ranks left: temporary files, and files of a round that is not complete."""
    complete = max(kept_rounds(directory), default=-1)
    for path in directory.iterdir() if directory.is_dir() else ():
        name = ANY_ROUND.fullmatch(path.name)
        if name and (path.name.startswith(".") or int(name[1]) > complete):
            path.unlink(missing_ok=True)


def _is_intact(directory: Path, index: int) -> bool:
    try:
        ranks = load_sealed(directory / f"round-{index}.pt")["ranks"]
        for rank in range(ranks):
            load_sealed(directory / f"round-{index}.rank-{rank}-of-{ranks}.pt")
    except UserError:
        return False
    return True
