"""Print folder and version of the torch that the extension is built for: this environment's.

Run by CMake. An isolated build hides the environment's packages from `import`, but not where they
lie.
"""

import importlib.util
import re
import site
import sys
from pathlib import Path


def torch_folder() -> Path | None:
    """Folder of the installed torch, headers and libraries included."""
    spec = importlib.util.find_spec("torch")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent
    # A virtual environment's own packages, then those of the Python it was made from.
    sites = site.getsitepackages([sys.prefix, sys.base_prefix])
    places = [Path(folder) / "torch" for folder in (*sites, site.getusersitepackages())]
    return next((place for place in places if (place / "include").is_dir()), None)


if __name__ == "__main__":
    if (folder := torch_folder()) is None:
        sys.exit(
            f"torch is not installed for {sys.executable}, and module 2's extension is built for "
            "one torch: run `pip install torch==2.13.0` first (any version from 2.9 on), then this "
            "again, with --no-build-isolation if your installer is not pip"
        )
    version = re.search(r"__version__ = '([^']+)'", (folder / "version.py").read_text())
    print(folder, version.group(1) if version else "unknown", sep=";", end="")
