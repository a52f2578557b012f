"""Which device and how many threads a rank computes with."""

import torch

from crossscale_results.provenance import usable_cores
from module3_mpi_gpu_overlap.launch import World


def choose_device(world: World, requested: str) -> torch.device:
    """An accelerator by local rank (shared where there are fewer), else the CPU.

    On the CPU torch gets the node's cores divided by its ranks, and no more than mpiexec bound
    this rank to.
    """
    torch.set_num_threads(max(1, min(usable_cores(), world.node_cores // world.local_size)))
    device = device_of(world.local_rank, requested)
    if device.type != "cpu":
        torch.accelerator.set_device_index(device.index)
    return device


def device_of(local_rank: int, requested: str) -> torch.device:
    """The same, for a rank that is not there yet: nothing is set."""
    if requested == "cpu" or not torch.accelerator.is_available():
        return torch.device("cpu")
    accelerator = torch.accelerator.current_accelerator()
    assert accelerator is not None
    return torch.device(accelerator.type, local_rank % torch.accelerator.device_count())


def shares_accelerator(world: World, device: torch.device) -> bool:
    """Whether two ranks compute on one accelerator, by its UUID; collective.

    A launcher may show each rank one accelerator of its own, so counting them would mislead.
    """
    if device.type == "cpu":
        return False
    module = torch.get_device_module(device)
    if not hasattr(module, "get_device_properties"):  # MPS: one accelerator a machine
        return world.local_size > 1
    properties = module.get_device_properties(device)
    return len(set(world.comm.allgather(str(properties.uuid)))) < world.size


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given; nothing to do on the CPU."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def peak_memory_bytes(device: torch.device) -> int | None:
    """Most accelerator memory that torch held so far; None on the CPU."""
    if device.type == "cpu":
        return None
    return int(torch.accelerator.max_memory_allocated(device))
