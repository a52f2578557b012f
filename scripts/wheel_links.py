"""What an environment holds of some requirements and of all that these require, as places to link.

`python wheel_links.py REQUIREMENT...` prints a JSON object: each place in this environment, and
where it lies below `sys.prefix`. Ends with status 1 and a sentence where a requirement is missing.
"""

import importlib.metadata
import json
import os
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution

from packaging.requirements import Requirement


def closure(asked: Iterable[str]) -> list[Distribution]:
    """The distributions that those requirements name, and those that they require in turn.

    Raises:
        PackageNotFoundError: one is not installed.
    """
    found: dict[tuple[str, str], Distribution] = {}  # by name and extra
    left = [(text, "") for text in asked]
    while left:
        text, extra = left.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in ("", *requirement.extras):
            key = requirement.name.lower(), wanted
            if key not in found:
                found[key] = importlib.metadata.distribution(requirement.name)
                left += [(more, wanted) for more in found[key].requires or ()]
    return list(found.values())


def places(distribution: Distribution) -> set[str]:
    """Its packages and files in the environment; what lies outside of site-packages by the file."""
    site = os.path.realpath(str(distribution.locate_file("")))
    files = [file for file in distribution.files or () if file.parts[0] != "__pycache__"]
    inside = {file.parts[0] for file in files} - {".."}
    outside = {str(file) for file in files if file.parts[0] == ".."}
    return {os.path.normpath(f"{site}/{name}") for name in inside | outside}


if __name__ == "__main__":
    prefix = os.path.realpath(sys.prefix)
    try:
        found = set().union(*map(places, closure(sys.argv[1:])))
    except importlib.metadata.PackageNotFoundError as missing:
        sys.exit(f"{missing.name} is not installed for {sys.executable}")
    print(json.dumps({place: os.path.relpath(place, prefix) for place in sorted(found)}))
