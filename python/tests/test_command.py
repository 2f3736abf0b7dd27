"""The command line: exactly that of the program."""

import os
import sys

import pytest

import pigear
from conftest import PING, ROOT, SNORT3, until
from pigear.examples import RECORDING

PROGRAM = os.path.join(os.path.dirname(sys.executable), "pigear")


def test_help_is_that_of_the_native_program(room):
    snapshot = ROOT / "crates/pigear/tests/cli/snapshots/cli__commands__help.snap"
    native = snapshot.read_text().split("---\n", 2)[2]
    status, out, err = room.pigear("--help", listen=False).end()
    assert (status, err) == (0, "")
    assert out.strip() == native.strip()
    assert room.pigear("--help", listen=False, program=[PROGRAM]).end() == (status, out, err)


def test_the_installed_program_finds_classes_in_the_current_directory(room):
    room.write(
        "mine.py",
        """
        import pigear
        class Ids(pigear.Handler):
            def handle(self, alert):
                print(alert.sig_id)
        """,
    )
    running = room.pigear("--data-handler", "mine.Ids", "--count", "1", program=[PROGRAM])
    room.send(PING)
    assert running.end() == (0, "1000134\n", "")


def test_alerts_are_printed_by_the_native_handler(room):
    running = room.pigear("--count", "3")
    room.send(*SNORT3[:3])
    lines = "".join(f"{pigear.decode(datagram)}\n" for datagram in SNORT3[:3])
    assert running.end() == (0, lines, "")
    assert not room.socket.exists()


@pytest.mark.parametrize("stop", ["interrupt", "terminate"])
def test_signals_end_it_in_order(room, stop):
    running = room.pigear(quiet=False)
    room.send(PING)
    until("the alert is printed", lambda: running.out.read_text())
    getattr(running, stop)()
    status, out, err = running.end()
    assert (status, out) == (0, f"{pigear.decode(PING)}\n")
    assert err == (
        "pigear: listening on log/snort_alert\n"
        "pigear: received 1, malformed 0, refused 0, missed 0; "
        "print: handled 1, dropped 0, failed 0\n"
    )
    assert not room.socket.exists()


def test_wrong_usage_is_refused_as_by_the_program(room):
    status, out, err = room.pigear("--data-handler", "prnt").end()
    assert (status, out) == (2, "")
    assert err.startswith('error: unknown handler "prnt"; known are exec, file, http')
    status, out, err = room.pigear("--nonsense").end()
    assert (status, out) == (2, "")
    assert "unexpected argument '--nonsense'" in err


def test_other_commands_work(room):
    running = room.pigear("--count", "5", "--data-handler", "null", "--stats", "stats.json")
    until("the socket is there", lambda: room.socket.is_socket())
    played = room.pigear("play", RECORDING, "--logdir", "log", "--count", "5", listen=False)
    assert played.end()[1].startswith("sent 5, refused 0")
    assert running.end() == (0, "", "")
    assert '"received":5' in room.read("stats.json")
    assert "complete" in room.pigear("completions", "bash", listen=False).end()[1]


def test_old_names_are_the_native_handlers(room):
    old = ["--socket-handler", "pigear.core.SocketHandler"]
    running = room.pigear(*old, "--data-handler", "pigear.core.DataHandler", "--count", "1")
    room.send(PING)
    assert running.end() == (0, f"{pigear.decode(PING)}\n", "")
