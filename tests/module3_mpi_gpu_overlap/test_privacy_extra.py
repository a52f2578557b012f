"""A library that is missing is told in one sentence."""

import pytest

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.privacy_extra import require_privacy_extra


def test_a_missing_library_is_told_with_how_to_install_it() -> None:
    require_privacy_extra("torch")
    with pytest.raises(
        UserError, match=r"no_such_library.*pip install 'crossscale-ecg\[privacy\]'"
    ):
        require_privacy_extra("torch", "no_such_library")
