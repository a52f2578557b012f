"""The libraries that only privacy needs: asked for before anything is imported from them."""

import importlib.util

from crossscale_results.errors import UserError


def require_privacy_extra(*packages: str) -> None:
    """Raise UserError, saying how to install them, unless all these packages are there."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"{package}, which privacy needs, is not installed: "
                "`pip install 'crossscale-ecg[privacy]'`"
            )


def require_secure(ranks: int) -> None:
    """Raise UserError unless a secure sum over so many ranks can be made."""
    require_privacy_extra("cryptography")
    if ranks < 2:
        raise UserError("a secure sum needs 2 ranks or more: alone, one has nobody to hide among")
