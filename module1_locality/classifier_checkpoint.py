"""A training on disk after each epoch: whole or not at all, and never taken for another one."""

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from crossscale_results import UserError
from crossscale_results.whole_file import whole_file


@dataclass(frozen=True)
class Checkpoint:
    """The file of one training, and what else the training is of: plain values by name."""

    path: Path
    about: Mapping[str, Any]

    def save(self, state: Mapping[str, Any]) -> None:
        """Put `state` in the place of what the file holds.

        It is readable by `torch.load(weights_only=True)`: `{"about": …, "state": …}`.

        Raises:
            UserError: it cannot be written; the file is as it was.
        """
        try:
            with whole_file(self.path) as unfinished, unfinished.open("wb") as file:
                torch.save({"about": dict(self.about), "state": dict(state)}, file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UserError(f"{self.path} cannot be written ({error.strerror})") from error

    def load(self) -> dict[str, Any]:
        """The state that was saved last.

        Raises:
            UserError: there is no such file, it is damaged, or it is another training's.
        """
        if not self.path.is_file():
            raise UserError(f"there is no checkpoint {self.path}: leave out --resume to begin")
        kept = self._read()
        for name, wanted in self.about.items():
            if kept["about"].get(name) != wanted:
                raise UserError(
                    f"{self.path} is the checkpoint of another training: its {name} is "
                    f"{kept['about'].get(name)}, here it is {wanted}; train with that, or give "
                    "another --checkpoint"
                )
        return dict(kept["state"])

    def _read(self) -> dict[str, Any]:
        try:
            # torch does not look at the checksums of its own archive.
            with zipfile.ZipFile(self.path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(damaged)
            kept = torch.load(self.path, map_location="cpu", weights_only=True)
            return {"about": dict(kept["about"]), "state": dict(kept["state"])}
        except Exception as error:  # zipfile, pickle and torch raise many kinds
            raise UserError(
                f"{self.path} is no whole checkpoint of this command: it is truncated or damaged; "
                "remove it, and its training begins anew"
            ) from error
