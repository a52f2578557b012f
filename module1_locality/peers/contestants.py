"""Everyone who takes part, and why one of them cannot."""

from importlib import import_module, metadata

from module1_locality.peers.contestant import Contestant
from module1_locality.peers.mosaic_shards import MOSAIC
from module1_locality.peers.spdl_pipeline import SPDL
from module1_locality.peers.suite_rungs import rung_contestant
from module1_locality.peers.tensordict_map import TENSORDICT
from module1_locality.peers.torch_loader import TORCH_LOADER
from module1_locality.peers.webdataset_tar import WEBDATASET

SUITE_RUNGS = ("A0", "A3", "A5", "A6-gather")
CONTESTANTS = (
    *(rung_contestant(name) for name in SUITE_RUNGS),
    TORCH_LOADER,
    TENSORDICT,
    WEBDATASET,
    MOSAIC,
    SPDL,
)


def why_absent(contestant: Contestant) -> str | None:
    """Why a library cannot be used here; None if it can."""
    try:
        import_module(contestant.module)
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed"
    except Exception as error:  # a library that does not fit the others fails in its own way
        return f"it cannot be imported beside what is installed: {type(error).__name__}"
    return None


def version_of(contestant: Contestant) -> str:
    """The installed version; `none` where there is none."""
    try:
        return metadata.version(contestant.distribution)
    except metadata.PackageNotFoundError:
        return "none"
