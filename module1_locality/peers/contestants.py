"""Everyone who takes part."""

from module1_locality.peers.mosaic_shards import MOSAIC
from module1_locality.peers.spdl_pipeline import SPDL
from module1_locality.peers.suite_rungs import rung_contestant
from module1_locality.peers.tensordict_map import TENSORDICT
from module1_locality.peers.torch_loader import TORCH_LOADER
from module1_locality.peers.webdataset_tar import WEBDATASET

SUITE_RUNGS = ("A0", "A3", "A5", "A6-gather", "A6-thread")
CONTESTANTS = (
    *(rung_contestant(name) for name in SUITE_RUNGS),
    TORCH_LOADER,
    TENSORDICT,
    WEBDATASET,
    MOSAIC,
    SPDL,
)
