"""One record read from its WFDB files: header, signals and beat annotations.

Signals are decoded by a vectorised reader of our own (format 212: two 12-bit samples in three
bytes), several times as fast as wfdb's; the header and the annotations go through wfdb. The tests
compare both readers on every record. Source of the format: WFDB, signal(5), "Format 212".
wfdb is imported where it reads: it takes longer to load than all that is prepared already.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crossscale_data.errors import DataError
from crossscale_data.labels import beat_classes
from crossscale_data.records import SAMPLING_HZ

if TYPE_CHECKING:
    import wfdb

_MISSING_SAMPLE = -2048  # format 212's code for "not digitised"
_MAIN_LEAD = "MLII"


@dataclass(frozen=True)
class EcgRecord:
    """One record, its signals in the file's lead order."""

    record: int
    leads: tuple[str, ...]
    signal_mv: npt.NDArray[np.float32]  # [leads, samples]
    beat_sample: npt.NDArray[np.int64]  # [beats], R position, ascending
    beat_class: npt.NDArray[np.int8]  # [beats], index into CLASSES

    def lead_order(self) -> list[int]:
        """Indices of the leads with MLII first; the file's order where there is none (102, 104)."""
        return sorted(range(len(self.leads)), key=lambda i: self.leads[i] != _MAIN_LEAD)


def read_record(directory: Path, record: int) -> EcgRecord:
    """Read one record with its beat annotations.

    Raises:
        DataError: a file is missing, truncated or damaged, a sample is not finite, an annotation
            lies past the end, or a symbol is unknown.
    """
    header = _read_header(directory, record)
    digital = _read_signals(directory / f"{record}.dat", header)
    beat_sample, beat_class = read_beats(directory, record, header.sig_len)
    if (digital == _MISSING_SAMPLE).any():
        lead, sample = (int(i) for i in np.argwhere(digital == _MISSING_SAMPLE)[0])
        raise DataError(
            f"record {record} has a non-finite sample at {sample} of lead "
            f"{header.sig_name[lead]}: the file is damaged; `python -m crossscale_data verify` "
            "names the wrong files"
        )
    gain = np.asarray(header.adc_gain, np.float32)[:, None]
    baseline = np.asarray(header.baseline, np.float32)[:, None]
    return EcgRecord(
        record=record,
        leads=tuple(header.sig_name),
        signal_mv=(digital - baseline) / gain,
        beat_sample=beat_sample,
        beat_class=beat_class,
    )


def read_beats(
    directory: Path, record: int, record_samples: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """R positions (ascending) and AAMI classes of a record's beats; other annotations dropped.

    Raises:
        DataError: the file is missing or damaged, an annotation lies past `record_samples`, or a
            symbol is unknown.
    """
    import wfdb

    _require(directory / f"{record}.atr")
    try:
        annotation = wfdb.rdann(str(directory / str(record)), "atr")
    except Exception as error:  # wfdb raises whatever its parser trips over
        raise DataError(
            f"record {record}'s annotation file {record}.atr in {directory} cannot be read "
            f"({error}): fetch it again with `python -m crossscale_data fetch`"
        ) from error
    sample = np.asarray(annotation.sample, np.int64)
    if len(sample) and (sample.max() >= record_samples or sample.min() < 0):
        outside = sample[(sample >= record_samples) | (sample < 0)][0]
        raise DataError(
            f"record {record} has an annotation at sample {outside}, outside its "
            f"{record_samples} samples: {record}.atr and {record}.hea do not belong together"
        )
    classes = beat_classes(annotation.symbol, f"record {record}")
    is_beat = classes >= 0
    sample, classes = sample[is_beat], classes[is_beat]
    if not (np.diff(sample) > 0).all():
        raise DataError(f"record {record}'s beats are not in ascending order: {record}.atr is bad")
    return sample, classes


def record_samples(directory: Path, record: int) -> int:
    """Samples per lead, from the header.

    Raises:
        DataError: the header is missing or bad, or its signal file is not as long as it says.
    """
    header = _read_header(directory, record)
    _require_length(directory / f"{record}.dat", header)
    return int(header.sig_len)


def decode_212(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Decode format 212 of a two-lead record: bytes [3 * samples] to int16 [2, samples]."""
    triple = raw.reshape(-1, 3)
    middle = triple[:, 1].astype(np.int16)
    digital = np.empty((2, len(triple)), np.int16)
    # A shift up to bit 15 and back down extends the sign of the 12-bit value.
    digital[0] = (((middle & 0x0F) << 12) | (triple[:, 0].astype(np.int16) << 4)) >> 4
    digital[1] = (((middle & 0xF0) << 8) | (triple[:, 2].astype(np.int16) << 4)) >> 4
    return digital


def _read_header(directory: Path, record: int) -> "wfdb.Record":
    import wfdb

    _require(directory / f"{record}.hea")
    try:
        header = wfdb.rdheader(str(directory / str(record)))
    except Exception as error:  # wfdb raises whatever its parser trips over
        raise DataError(
            f"record {record}'s header {record}.hea in {directory} cannot be read ({error}): "
            "fetch it again with `python -m crossscale_data fetch`"
        ) from error
    if header.fmt != ["212", "212"] or header.fs != SAMPLING_HZ or not header.sig_len:
        raise DataError(
            f"record {record}'s header {record}.hea in {directory} is not that of a two-lead, "
            f"360 Hz, format 212 record of known length: it is not MIT-BIH's"
        )
    numbers = [*header.adc_gain, *header.baseline, *header.checksum]
    if (
        header.file_name != [f"{record}.dat"] * 2
        or header.units != ["mV"] * 2
        or None in [*header.sig_name, *numbers]
        or not all(header.adc_gain)
        or not np.isfinite(numbers).all()
    ):
        raise DataError(
            f"record {record}'s header {record}.hea in {directory} names other files or units, or "
            "no lead, gain, baseline or checksum: it is not MIT-BIH's"
        )
    return header


def _read_signals(path: Path, header: "wfdb.Record") -> npt.NDArray[np.int16]:
    _require_length(path, header)
    digital = decode_212(np.fromfile(path, np.uint8))
    for lead, announced in enumerate(header.checksum):
        if (int(digital[lead].sum(dtype=np.int64)) - announced) % 65536:
            raise DataError(
                f"{path.name} in {path.parent}: lead {header.sig_name[lead]} does not have the "
                "checksum its header announces; fetch it again with `python -m crossscale_data "
                "fetch`"
            )
    return digital


def _require_length(path: Path, header: "wfdb.Record") -> None:
    """Before any memory is taken for what a header announces."""
    _require(path)
    held = path.stat().st_size
    if held != 3 * header.sig_len:
        raise DataError(
            f"{path.name} in {path.parent} holds {held} bytes where its header announces "
            f"{3 * header.sig_len}: it is truncated or damaged; fetch it again with "
            "`python -m crossscale_data fetch`"
        )


def _require(path: Path) -> None:
    if not path.is_file():
        raise DataError(
            f"{path.name} is missing in {path.parent}: point --data-dir or CROSSSCALE_MITDB to "
            "the whole database, or fetch it with `python -m crossscale_data fetch`"
        )
