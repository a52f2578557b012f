"""AAMI classes from MIT-BIH annotation symbols.

Source: ANSI/AAMI EC57:2012, table 3; the classes of de Chazal et al. 2004. Junctional and atrial
escape beats (`e`, `j`) are N here, as in EC57; some tools count them as S.
"""

import numpy as np
import numpy.typing as npt

from crossscale_data.errors import DataError

CLASSES = ("N", "S", "V", "F", "Q")

SYMBOLS_OF_CLASS: dict[str, str] = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}

CLASS_OF_SYMBOL: dict[str, int] = {
    symbol: CLASSES.index(name) for name, symbols in SYMBOLS_OF_CLASS.items() for symbol in symbols
}

# Annotations that mark no beat: rhythm and quality changes, artefacts, notes, wave peaks, blocked
# P-waves, flutter waves (`!`: wfdb's is_qrs calls them beats) and the ends of their episodes.
NON_BEAT_SYMBOLS = frozenset("+~|x[]!\"s*D=@pt^`'()Tu?")

# Which class wins where one label must stand for several beats: the most alarming one.
SEVERITY = ("N", "Q", "S", "F", "V")


def beat_classes(symbols: npt.ArrayLike, where: str) -> npt.NDArray[np.int8]:
    """The AAMI class of each annotation, as an index into `CLASSES`; -1 where it marks no beat.

    Args:
        symbols: annotation symbols, one character each, shape [n].
        where: what to name in an error, e.g. "record 208".

    Raises:
        DataError: a symbol is neither a known beat nor a known non-beat.
    """
    symbols = np.asarray(symbols, dtype="U1")
    known, position = np.unique(symbols, return_inverse=True)
    classes = np.empty(len(known), np.int8)
    for i, symbol in enumerate(known):
        if symbol in CLASS_OF_SYMBOL:
            classes[i] = CLASS_OF_SYMBOL[symbol]
        elif symbol in NON_BEAT_SYMBOLS:
            classes[i] = -1
        else:
            raise DataError(
                f"{where} has the unknown annotation symbol {str(symbol)!r}: the file is damaged, "
                "or not MIT-BIH; fetch it again with `python -m crossscale_data fetch`"
            )
    return classes[position]
