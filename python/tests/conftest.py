"""The real program, started as a user would; the tests play Snort."""

import gzip
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import pigear

# Not so where the tests are started with it ignored, as a script does with what it runs in the
# background; the programs that the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[2]
DATA = ROOT / "crates/pigear-alert/tests/data"
DEADLINE = 20

assert ROOT not in Path(pigear.__file__).parents or "peers" in pigear.__file__, (
    "test the installed package, not the tree"
)


def missing(what):
    """Skips a test that requires what the machine hasn't; fails it where PIGEAR_REQUIRE_PEERS=1."""
    if os.environ.get("PIGEAR_REQUIRE_PEERS") == "1":
        pytest.fail(f"PIGEAR_REQUIRE_PEERS=1, but {what}", pytrace=False)
    pytest.skip(what)


def until(what, holds):
    """Waits for a condition, and returns what it is."""
    deadline = time.monotonic() + DEADLINE
    while not (result := holds()):
        assert time.monotonic() < deadline, f"timed out waiting until {what}"
        time.sleep(0.005)
    return result


def recorded(path):
    """The datagrams of a recording in the tests' data."""
    with gzip.open(DATA / path) as file:
        while head := file.read(4):
            yield file.read(struct.unpack("<I", head)[0])


PING = next(recorded("v2919noappid/icmp_ping/alerts.dgrams.gz"))
SNORT3 = list(recorded("v3122/demo.dgrams.gz"))


class Room:
    """A directory for a test, with a log directory in it."""

    def __init__(self, path):
        self.path = path
        self.log = path / "log"
        self.log.mkdir()
        self.socket = self.log / "snort_alert"
        self.started = []

    def write(self, name, text):
        (self.path / name).write_text(textwrap.dedent(text))

    def read(self, name):
        return (self.path / name).read_text()

    def send(self, *datagrams, timeout=DEADLINE):
        """Sends as Snort does, once the socket is there; returns how long the longest send took."""
        until("the socket is there", lambda: self.socket.is_socket())
        longest = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as snort:
            # As blocking as Snort's, but not for ever.
            snort.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", timeout, 0))
            for datagram in datagrams:
                before = time.monotonic()
                snort.sendto(datagram, str(self.socket))
                longest = max(longest, time.monotonic() - before)
        return longest

    def pigear(self, *args, program=(sys.executable, "-m", "pigear"), listen=True, quiet=True):
        """Starts the command line."""
        where = ["--logdir", "log"] if listen else []
        running = Running([*program, *where, *args, *(["--quiet"] if quiet else [])], self)
        self.started.append(running)
        return running


class Running:
    def __init__(self, words, room):
        nth = len(room.started)
        self.out, self.err = room.path / f"stdout-{nth}", room.path / f"stderr-{nth}"
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        env.pop("http_proxy", None)
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(
                words, cwd=room.path, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env
            )

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def terminate(self):
        self.process.terminate()

    def end(self, timeout=DEADLINE):
        """Waits for the end; returns status, standard output and standard error.

        Most runs find no list of classes and no maps; what they say about that is left out.
        """
        status = self.process.wait(timeout)
        lines = self.err.read_text().splitlines(keepends=True)
        missing = ("found no classification.config", "alerts have no message")
        err = "".join(line for line in lines if not any(said in line for said in missing))
        return status, self.out.read_text(), err


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    yield room
    for running in room.started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
