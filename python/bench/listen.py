"""How fast Python gets alerts, and how little Snort notices of slow Python.

listen.py [ROW…], with rows of ``count unpack processor held-up held-up-2012``; needs the package
installed. What is measured and its yardstick run by turns, and the median of several such pairs is taken. Prints
a table; that a target is missed is no failure.
"""

import collections
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

import pigear
from pigear import constants

PAIRS = 5
ALERTS = 100_000
RATE, SECONDS = 500, 12
# Few enough to stay in the processor's cache, as Snort's one struct does.
DATAGRAMS = 16
FORMAT = struct.Struct("".join(form for _, form in constants.STRUCT_ALERTPKT))
Unpacked = collections.namedtuple("Unpacked", [name for name, _ in constants.STRUCT_ALERTPKT])

ASLEEP = """
    import time
    import pigear
    from pigear.core import DataHandler

    class Asleep(pigear.Handler):
        def handle(self, alert):
            time.sleep(10)

    class AsleepIn2012(DataHandler):
        def handle(self, data, addr):
            time.sleep(10)
"""


def recording(path):
    """Alerts of Snort 2.9's layout, with packets of 300 bytes."""
    packet = struct.pack("!6s6sH", b"\2" * 6, b"\4" * 6, 0x0800)
    packet += struct.pack("!BBHHHBBH4s4s", 0x45, 0, 286, 1, 0, 64, 17, 0, b"\n\0\0\1", b"\n\0\0\2")
    packet += struct.pack("!HHHH", 1024, 53, 266, 0).ljust(266, b"x")
    with open(path, "wb") as file:
        for n in range(1, DATAGRAMS + 1):
            times = (1_700_000_000, 123_456)
            header = (*times, len(packet), len(packet), 0, 14, 34, 42, 0)
            datagram = FORMAT.pack(b"A rule", *header, packet, 1, 1000, 1, 3, 2, n, n, *times)
            file.write(struct.pack("<I", len(datagram)) + datagram)


# The readers: each gives how many alerts it took, and when it began.


def bound(path):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(path)
    return receiver


def read_bare(path):
    """A loop of ``recv``."""
    receiver = bound(path)
    receiver.recv(65865)
    begin = now()
    for _ in range(ALERTS - 1):
        receiver.recv(65865)
    return ALERTS, begin


def read_and_unpack(path):
    """A loop of ``recv``, in which every field is unpacked, into a named tuple as in 2012."""
    receiver = bound(path)
    receiver.recv(65865)
    begin = now()
    for _ in range(ALERTS - 1):
        Unpacked._make(FORMAT.unpack(receiver.recv(65865)))
    return ALERTS, begin


def read_with_pigear(path):
    """A loop that counts alerts."""
    n = 0
    with pigear.listen(path=path, count=ALERTS) as alerts:
        next(alerts)
        begin = now()
        for _ in alerts:
            n += 1
    return n + 1, begin


READERS = {reader.__name__: reader for reader in [read_bare, read_and_unpack, read_with_pigear]}


def now():
    """Seconds, by the clock and of processor time."""
    return time.perf_counter(), time.process_time()


def read(name, path):
    """Prints alerts a second, by the clock and of processor time."""
    counted, begin = READERS[name](path)
    print(json.dumps([counted / (end - start) for start, end in zip(begin, now())]))


# The measurements.


def start(*words, **options):
    pipe = {"stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *words], **pipe, **options)


def wait_for(path):
    deadline = time.monotonic() + 20
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody binds {path}")
        time.sleep(0.005)


def play(dir, path, *args):
    words = ["-m", "pigear", "play", f"{dir}/recording", "--socket", path, "--loop", "--json", *args]
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


CLOCK, PROCESSOR = 0, 1


def rate(dir, reader, seconds=CLOCK):
    """Alerts a second that a reader takes at full speed."""
    path = f"{dir}/socket"
    child = start(__file__, "--read", reader, path)
    wait_for(path)
    # Those that wait for a reader that has counted enough are not missed.
    play(dir, path, "--count", str(ALERTS))
    out, _ = child.communicate(timeout=60)
    if os.path.exists(path):
        os.unlink(path)
    return json.loads(out)[seconds]


def held_up(dir, *handler):
    """Microseconds that the thousandth of the sends takes that takes longest."""
    path = f"{dir}/snort_alert"
    words = ["-m", "pigear", "--logdir", dir, "--data-handler", *handler]
    child = start(*words, cwd=dir, stderr=subprocess.DEVNULL)
    wait_for(path)
    report = play(dir, path, "--rate", str(RATE), "--count", str(RATE * SECONDS))
    child.terminate()
    child.communicate(timeout=60)
    return report["held_up_us"]["p99.9"]


def line(what, measured, yardstick, ratio, target, ok):
    print(f"{what:<50} | {measured:>22} | {yardstick:>20} | {ratio:>5} | {target:<22} | {ok}")


def row(what, unit, pairs, target, is_met):
    measured, yardstick = (statistics.median(values) for values in zip(*pairs))
    ratio = statistics.median(one / other for one, other in pairs)
    shown = [f"{value:.0f} {unit}" for value in (measured, yardstick)]
    line(what, *shown, f"{ratio:.2f}", target, "yes" if is_met(ratio) else "NO")
    sys.stdout.flush()


def count(dir):
    pairs = [(rate(dir, "read_with_pigear"), rate(dir, "read_bare")) for _ in range(PAIRS)]
    what = "Python: listen, counting, against recv"
    row(what, "a second", pairs, ">= 0.8", lambda ratio: ratio >= 0.8)


def unpack(dir):
    pairs = [(rate(dir, "read_with_pigear"), rate(dir, "read_and_unpack")) for _ in range(PAIRS)]
    what = "Python: the same, against recv and unpack"
    row(what, "a second", pairs, ">= 1.5", lambda ratio: ratio >= 1.5)


def processor(dir):
    """As ``unpack``, where the sender is what both wait for."""
    readers = ["read_with_pigear", "read_and_unpack"]
    pairs = [[rate(dir, reader, PROCESSOR) for reader in readers] for _ in range(PAIRS)]
    what = "Python: the same, a second of processor time"
    row(what, "a second", pairs, ">= 1.5", lambda ratio: ratio >= 1.5)


def sleeping(dir, handler, what):
    with open(f"{dir}/asleep.py", "w") as file:
        file.write(textwrap.dedent(ASLEEP))
    native = ["exec", "command=sleep 10", "timeout=60s"]
    pairs = [(held_up(dir, handler), held_up(dir, *native)) for _ in range(3)]
    row(f"held up (p99.9), {what}, against native", "µs", pairs, "as little (<= 2)", lambda ratio: ratio <= 2)


ROWS = {
    "count": count,
    "unpack": unpack,
    "processor": processor,
    "held-up": lambda dir: sleeping(dir, "asleep.Asleep", "Python sleeps"),
    "held-up-2012": lambda dir: sleeping(dir, "asleep.AsleepIn2012", "2012 sleeps"),
}


def main(wanted):
    unknown = [name for name in wanted if name not in ROWS]
    if unknown:
        sys.exit(f"unknown row {unknown[0]!r}; known are {', '.join(ROWS)}")
    line("what", "measured", "yardstick", "ratio", "target", "ok")
    line("----", "--------", "---------", "-----", "------", "--")
    with tempfile.TemporaryDirectory() as dir:
        recording(f"{dir}/recording")
        for name in wanted or ROWS:
            ROWS[name](dir)


if sys.argv[1:2] == ["--read"]:
    read(*sys.argv[2:])
else:
    main(sys.argv[1:])
