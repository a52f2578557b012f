"""The delayed correction of `G3`: an average that arrives a round late.

A rank keeps the progress it made since, and adds what the average differs by from what it
contributed:

    x  <-  x + (average - own contribution)

as in Delayed Gradient Averaging (Zhu et al. 2021, NeurIPS) and Overlap-Local-SGD (Wang et al. 2020,
ICASSP). To overwrite x with the average instead would throw away every other round's training. The
mean of the ranks' models is what it would be without delay; they differ from each other by the
progress of one round. Running statistics are not progress and are not corrected: a rank's follow
its own batches (nothing in training reads them), and averaged ones are scored.
"""

from torch import Tensor


def correct(parameters: Tensor, average: Tensor, own: Tensor) -> None:
    """The delayed correction, in place: parameters + (average - own contribution).

    All float32; `average` and `own` may hold more numbers behind the parameters.
    """
    length = len(parameters)
    # The difference first: alone in the world it is 0, and the parameters keep their bits.
    parameters.add_(average[:length] - own[:length])
