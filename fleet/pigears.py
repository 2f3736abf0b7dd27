"""Sensors, what plays alerts to them, and the central Pigears."""

import gzip
import json
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from processes import Process

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ROOT / "crates/pigear-alert/tests/data/live"

# docs/datagram.md: where a datagram of Snort 2.9 and 3 has its time and the event's number.
TIME, EVENT_ID = 256, 65_848


def datagrams(path: Path) -> list[bytearray]:
    data, found, at = gzip.open(path).read(), [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        found.append(bytearray(data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def write_recording(path: Path, count: int, rate: float) -> None:
    """Recorded alerts over and over, each with a number and a time of its own."""
    began = time.time()
    originals = [datagram for path in sorted(RECORDINGS.glob("v3-*.dgrams.gz")) for datagram in datagrams(path)]
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(1, count + 1):
            datagram = originals[number % len(originals)]
            microseconds = int((began + number / rate) * 1_000_000)
            struct.pack_into("=II", datagram, TIME, *divmod(microseconds, 1_000_000))
            struct.pack_into("=I", datagram, EVENT_ID, number)
            file.write(struct.pack("<I", len(datagram)) + datagram)


# Of alerts that the central Pigears make themselves, such as one about a silent sensor.
OWN_GENERATOR = 9001


class Store:
    """What `pigear query` says of a store."""

    def __init__(self, pigear: str, path: Path):
        self.pigear, self.path = pigear, path

    def _query(self, *words: str) -> Iterator[dict]:
        """One line after the other: a million alerts don't fit into memory as text."""
        command = [self.pigear, "query", "--store", str(self.path), "--format", "json", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as query:
            yield from map(json.loads, query.stdout)
        if query.returncode:
            raise subprocess.CalledProcessError(query.returncode, command)

    def count(self) -> int:
        if not self.path.exists():
            return 0
        played = f"msg.sig_generator != {OWN_GENERATOR}"
        return sum(row["alerts"] for row in self._query("--count-by", "sensor", "--limit", "100000", "--filter", played))

    def alerts(self) -> dict[str, list[int]]:
        """The numbers of each sensor's alerts, in the order in which they were stored."""
        found: dict[str, list[int]] = {}
        for alert in self._query("--limit", "1000000000"):
            if alert["sig_generator"] != OWN_GENERATOR:
                found.setdefault(alert["sensor"], []).append(alert["event_id"])
        # The newest comes first.
        for numbers in found.values():
            numbers.reverse()
        return found


class Sensor(Process):
    """A sensor's Pigear, which publishes what its socket gets."""

    def __init__(self, name: str, pigear: str, url: str, directory: Path, in_flight: int, replicas: int):
        self.socket = directory / name / "snort_alert"
        self.socket.parent.mkdir()
        self.store = Store(pigear, directory / f"{name}.db")
        self.in_flight = in_flight
        words = ["--serve-forever", "--logdir", self.socket.parent, "--sensor", name, "--store", self.store.path]
        keys = [f"url={url}", "create=yes", f"replicas={replicas}", f"in_flight={in_flight}"]
        super().__init__(name, list(map(str, [pigear, *words, "--data-handler", "nats", *keys])), directory)


class Central(Process):
    """A central Pigear with a consumer and a store of its own: it gets all alerts."""

    def __init__(self, name: str, pigear: str, url: str, directory: Path):
        self.store = Store(pigear, directory / f"{name}.db")
        words = ["--serve-forever", "--socket-handler", "nats", "--from", f"{url}?consumer={name}"]
        words += ["--store", self.store.path, "--data-handler", "null"]
        super().__init__(name, list(map(str, [pigear, *words])), directory)


class Player:
    """Plays the recording to the sockets of sensors, as Snort does."""

    def __init__(self, pigear: str, sensors: list[Sensor], recording: Path, rate: float, count: int):
        words = ["play", recording, "--rate", rate, "--count", count, "--json"]
        words += [word for sensor in sensors for word in ("--socket", sensor.socket)]
        self.sensors = sensors
        self.child = subprocess.Popen(list(map(str, [pigear, *words])), stdout=subprocess.PIPE, text=True)

    def result(self, seconds: float) -> dict:
        text, _ = self.child.communicate(timeout=seconds)
        return json.loads(text)

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
