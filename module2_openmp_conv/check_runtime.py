"""Refuse an extension that brings a C++ runtime of its own: torch's errors would crash it.

Run by CMake on what it has linked. An error that torch throws is caught in the extension, and one
thrown here passes through torch: with two runtimes in the process that ends in a segmentation
fault. Some toolchains link libstdc++ statically unasked.
"""

import sys
from pathlib import Path

SHARED_RUNTIME = b"libstdc++.so"

if __name__ == "__main__":
    extension = Path(sys.argv[1])
    if SHARED_RUNTIME not in extension.read_bytes():
        extension.unlink()
        sys.exit(
            f"{extension.name} was linked without {SHARED_RUNTIME.decode()}, with a C++ runtime of "
            "its own, and would crash where torch reports an error: build with a compiler that "
            "links the shared one, say CXX=/usr/bin/g++, and without -static-libstdc++ in LDFLAGS"
        )
