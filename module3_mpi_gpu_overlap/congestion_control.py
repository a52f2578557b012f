"""The one congestion control of TCP that compared runs speak by, and what this process speaks by.

A machine's default is its kernel's choice, and takes part in every time that TCP has a part in.
"""

import shutil
import socket
import subprocess
from typing import Annotated

from typing_extensions import Doc

from module3_mpi_gpu_overlap.child_process import unshare

# Every kernel has it (RFC 5681), every namespace may. A sender by BBR, some kernels' default,
# takes one that is seldom polled for a slow path, and slows down itself.
CONGESTION_CONTROL = "reno"
SET_IN_NAMESPACE = f"echo {CONGESTION_CONTROL} > /proc/sys/net/ipv4/tcp_congestion_control"
UNKNOWN = "unknown"
CongestionControl = Annotated[
    str, Doc("Of TCP, where the ranks speak it: `reno`, `bbr`, ...; `unknown` if not told.")
]
_NAME_BYTES = 16  # TCP_CA_NAME_MAX of linux/tcp.h


def congestion_control() -> str:
    """What a new TCP socket of this process speaks by; `unknown` where the system does not say."""
    option = getattr(socket, "TCP_CONGESTION", None)
    if option is None:
        return UNKNOWN
    try:
        with socket.socket() as new:
            name = new.getsockopt(socket.IPPROTO_TCP, option, _NAME_BYTES)
    except OSError:  # a sandbox without a network
        return UNKNOWN
    return name.partition(b"\0")[0].decode()


def own_loopback() -> list[str]:
    """The start of a command that has a loopback device of its own, with that congestion control.

    Empty where this account may not make one: the command then speaks as the machine does.
    """
    if any(shutil.which(tool) is None for tool in ("unshare", "ip", "sh")):
        return []
    prepare = f'{SET_IN_NAMESPACE} && ip link set lo up && exec "$@"'
    start = [*unshare("--net"), "sh", "-c", prepare, "sh"]
    tried = subprocess.run([*start, "true"], capture_output=True, check=False)
    return [] if tried.returncode else start
