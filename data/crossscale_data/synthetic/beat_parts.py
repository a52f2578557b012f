"""What each beat is made of: how much of which of the patient's parts, by its annotation symbol."""

import numpy as np
import numpy.typing as npt

from crossscale_data.synthetic.patient import VENTRICULAR_FOCI
from crossscale_data.synthetic.rhythm import Rhythm
from crossscale_data.synthetic.slow_signals import Floats

# The QRS-T of symbols that have one of their own; others have that of the record's base beat.
_QRS_OF_SYMBOL = {
    "N": "normal",
    "L": "left block",
    "R": "right block",
    "/": "paced",
    "!": "flutter",
}
_SINUS_P = "NLRFf"
_ECTOPIC_P = "Aaex"
_RETROGRADE_P = "Jj"
_SECOND_FOCUS_SHARE = 0.12


def part_weights(rhythm: Rhythm, base_symbol: str, rng: np.random.Generator) -> dict[str, Floats]:
    """Weight of each part in each event: part name to [n], 0 where the event lacks the part."""
    symbol = rhythm.symbol
    n = len(symbol)
    base = _QRS_OF_SYMBOL[base_symbol] if base_symbol != "/" else "normal"
    weights = {name: np.zeros(n) for name in (*_QRS_OF_SYMBOL.values(), "spike")}
    weights |= {f"focus {focus}": np.zeros(n) for focus in range(VENTRICULAR_FOCI)}
    for own, name in _QRS_OF_SYMBOL.items():
        weights[name][symbol == own] = 1.0
    from_base = np.isin(symbol, list("ejAJS"))
    weights[base][from_base] = 1.0
    _add_aberrant(weights, symbol == "a", base, rng)
    _add_ventricular(weights, symbol, rng)
    # Fusion: two wave fronts share the ventricles.
    _add_blend(weights, symbol == "F", base, "focus 0", rng.uniform(0.2, 0.75, n))
    _add_blend(weights, symbol == "f", base, "paced", rng.uniform(0.15, 0.85, n))
    _add_blend(weights, symbol == "Q", base, "focus 1", rng.uniform(0.0, 1.0, n))
    weights["spike"][np.isin(symbol, ["/", "f"])] = 1.0
    return weights | _atrial_weights(rhythm)


def _atrial_weights(rhythm: Rhythm) -> dict[str, Floats]:
    symbol = rhythm.symbol
    beats_atria = ~rhythm.in_af
    dropped = symbol == '"'
    return {
        "sinus P": (beats_atria & (np.isin(symbol, list(_SINUS_P)) | dropped)).astype(float),
        "ectopic P": (beats_atria & np.isin(symbol, list(_ECTOPIC_P))).astype(float),
        "retrograde P": (beats_atria & np.isin(symbol, list(_RETROGRADE_P))).astype(float),
    }


def _add_aberrant(
    weights: dict[str, Floats], chosen: npt.NDArray[np.bool_], base: str, rng: np.random.Generator
) -> None:
    """Premature beats that meet a bundle branch still refractory, mostly the right one."""
    other = "left block" if base == "right block" else "right block"
    _add_blend(weights, chosen, base, other, rng.uniform(0.1, 0.5, len(chosen)))


def _add_ventricular(
    weights: dict[str, Floats], symbol: npt.NDArray[np.str_], rng: np.random.Generator
) -> None:
    """Ventricular beats: mostly of one focus, the rest of a second; escapes of a third."""
    premature, escape = symbol == "V", symbol == "E"
    second = rng.random(len(symbol)) < _SECOND_FOCUS_SHARE * rng.integers(0, 4)
    weights["focus 0"][premature & ~second] = 1.0
    weights["focus 1"][premature & second] = 1.0
    weights["focus 2"][escape] = 1.0


def _add_blend(
    weights: dict[str, Floats],
    chosen: npt.NDArray[np.bool_],
    first: str,
    second: str,
    share_of_first: Floats,
) -> None:
    weights[first][chosen] = share_of_first[chosen]
    weights[second][chosen] = 1 - share_of_first[chosen]
