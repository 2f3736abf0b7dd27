#!/usr/bin/env python3
"""Makes the first inputs of the fuzz targets from the recordings.

Writes into fuzz/corpus/TARGET, whatever the working directory. Needs Python only.
"""

import gzip
import hashlib
import pathlib
import struct

FUZZ = pathlib.Path(__file__).resolve().parent
RECORDINGS = FUZZ.parent / "crates/pigear-alert/tests/data"

# As in fuzz_targets/decode.rs.
TEXT_LEN = 256
TAIL_LEN = 112
AS_IT_IS, EXPANDED = 0, 2

# Positions in Dialect::ALL, by the datagrams' length. Snort 2.9 and 3 share the first.
DIALECTS = {65_864: 0, 65_928: 2, 65_880: 3, 1_856: 4, 1_864: 5, 1_844: 6}
ANY_DIALECT, ANY_LINK_TYPE = 0x0F, 0xF0
VXLAN = {"v3122": 1}

# What libFuzzer takes when it isn't told otherwise; longer inputs would slow it down.
MAX_LEN = 4_096


def datagrams():
    """The build and the bytes of every recorded datagram."""
    for path in sorted(RECORDINGS.glob("**/*dgrams.gz")):
        build = path.relative_to(RECORDINGS).parts[0]
        recording = gzip.decompress(path.read_bytes())
        while recording:
            (length,) = struct.unpack_from("<I", recording)
            yield build, recording[4 : 4 + length]
            recording = recording[4 + length :]


def is_old(datagram):
    return len(datagram) < MAX_LEN


def decode_inputs(datagram):
    reading = bytes([ANY_DIALECT | ANY_LINK_TYPE])
    dialect = DIALECTS[len(datagram)] << 2
    text = datagram[:TEXT_LEN].split(b"\0")[0]
    behind_text = datagram[TEXT_LEN:-TAIL_LEN].rstrip(b"\0")
    yield (
        reading
        + bytes([dialect | EXPANDED])
        + datagram[-TAIL_LEN:]
        + bytes([len(text)])
        + text
        + behind_text
    )
    if is_old(datagram):
        yield reading + bytes([dialect | AS_IT_IS]) + datagram


def dissect_input(build, datagram):
    packet = datagram[(300 if is_old(datagram) else 292) : -TAIL_LEN].rstrip(b"\0")
    return bytes([0xFE | VXLAN.get(build, 0)]) + packet


def write(target, data):
    data = data[:MAX_LEN]
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def main():
    for build, datagram in datagrams():
        for data in decode_inputs(datagram):
            write("decode", data)
        write("dissect", dissect_input(build, datagram))
    for path in RECORDINGS.glob("**/*unified2.log.gz"):
        write("unified2", gzip.decompress(path.read_bytes()))


main()
