"""float32 numbers as integers modulo 2^32, so that sums are exact and masks cancel to the bit.

A number x is round(x * 2^fraction_bits). As many fraction bits are taken as let the clients' sum
stay within 31 bits: it cannot wrap round. Rounding to the nearest costs each client half of the
resolution 2^-fraction_bits at most.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossscale_results.errors import UserError

Words = npt.NDArray[np.uint32]
_LARGEST = (1 << 31) - 1


@dataclass(frozen=True)
class FixedPoint:
    """How a federation writes its numbers: the same on every client."""

    bound: float  # largest magnitude of a client's numbers
    clients: int  # most that are summed

    def __post_init__(self) -> None:
        if not (0 < self.bound < math.inf) or self.clients < 1:
            raise UserError(
                f"a bound of {self.bound:g} and {self.clients} clients make no fixed-point "
                "numbers: both must be above 0"
            )

    @property
    def fraction_bits(self) -> int:
        """Bits after the point; negative for a huge bound."""
        return math.floor(math.log2((_LARGEST - self.clients) / (self.clients * self.bound)))

    @property
    def resolution(self) -> float:
        """The step between neighbouring numbers."""
        return 2.0**-self.fraction_bits

    def to_words(self, vector: npt.NDArray[np.float32]) -> Words:
        """The numbers as words, uint32 [n].

        Raises:
            UserError: a number is NaN, infinite or beyond the bound.
        """
        within = np.abs(vector) <= self.bound  # not so for NaN
        if not within.all():
            raise UserError(
                f"{int(np.count_nonzero(~within))} of {len(vector)} numbers are NaN or beyond "
                f"{self.bound:g}, the bound of the secure sum: clip them, or raise the bound"
            )
        scaled = np.rint(vector.astype(np.float64) * 2.0**self.fraction_bits)
        return scaled.astype(np.int64).astype(np.uint32)  # modulo 2^32

    def to_numbers(self, total: Words) -> npt.NDArray[np.float32]:
        """A sum of at most `clients` clients' words as numbers, float32 [n]."""
        return (total.view(np.int32) * self.resolution).astype(np.float32)
