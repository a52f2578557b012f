"""Other people's libraries, which a comparison runs where they are installed."""

from importlib import import_module, metadata


def why_absent(module: str) -> str | None:
    """Why a library, by the module that is imported, cannot be used here; None if it can."""
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed"
    except Exception as error:  # a library that does not fit the others fails in its own way
        return f"it cannot be imported beside what is installed: {type(error).__name__}"
    return None


def version_of(distribution: str) -> str:
    """The installed version of a distribution; `none` where there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"
