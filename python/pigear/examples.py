"""Alerts to try things with: real ones, of traffic that was made for this purpose."""

import gzip
import os
import struct
from typing import Iterator

RECORDING = os.path.join(os.path.dirname(__file__), "demo.dgrams.gz")
"""A recording of 68 alerts that a Snort 2.9.19 sent: for ``listen(recording=RECORDING)``."""


def datagrams(path: str = RECORDING) -> Iterator[bytes]:
    """The datagrams of a recording that is compressed with gzip, or not at all."""
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if compressed else open(path, "rb") as file:
        while head := file.read(4):
            (length,) = struct.unpack("<I", head)
            yield file.read(length)


DATAGRAM = next(datagrams())
"""The first of these, as it came."""
