"""The names of the wire formats, for configurations and columns; `wire.py` says what they do."""

from typing import Literal

WireFormat = Literal["float32", "bf16", "fp16", "int8", "top-k"]
