"""The session of 2012's README, in a real IPython on a real terminal."""

import importlib.util
import os
import re
import signal
import sys

import pexpect
import pytest

import pigear
from conftest import PING, missing, recorded, until

NAMES = """caplen classification count data dlthdr event_id event_reference index msg nethdr pkt
pktlen priority sig_generator sig_id sig_rev transhdr ts_sec ts_usec tv_sec tv_usec val""".split()

DEMO = list(recorded("v2919/demo.dgrams.gz"))

PAINT = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07")


def prompt(number):
    """IPython's prompt, of which the number has a colour."""
    return rf"In\s*\[\s*{number}\s*\]:"


class Session:
    def __init__(self, room):
        if importlib.util.find_spec("IPython") is None:
            missing("IPython is not installed; `make peers` installs it")
        home = str(room.path / "ipython")
        env = {**os.environ, "IPYTHONDIR": home, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        handler = "pigear.contrib.IPythonDataHandler"
        self.shell = pexpect.spawn(
            sys.executable,
            ["-m", "pigear", "--logdir", "log", "--data-handler", handler],
            cwd=room.path,
            env=env,
            dimensions=(60, 120),
            encoding="utf-8",
        )
        self.seen = ""

    def until(self, *patterns):
        """Waits until all of these are shown, apart from what only paints them."""

        def are_shown():
            try:
                self.seen += self.shell.read_nonblocking(65536, 0.05)
            except (pexpect.TIMEOUT, pexpect.EOF):
                pass
            text = PAINT.sub(" ", self.seen)
            return all(re.search(pattern, text) for pattern in patterns)

        until(f"{patterns} are shown", are_shown)
        text = PAINT.sub(" ", self.seen)
        self.seen = ""
        return text

    def type(self, text):
        self.shell.send(text)


def test_an_alert_can_be_examined_and_then_the_next(room):
    datagram = next(it for it in DEMO if pigear.decode(it).msg.startswith("VOIP-SIP-UDP"))
    first = pigear.decode(datagram)
    session = Session(room)
    session.until(r"#{82}\r\n(.*\r\n)+#{82}\r\n")
    room.send(datagram, PING)
    session.until(r"IPython 9", prompt(1))
    session.type("msg.\t")
    session.until(*[rf"\b{name}\b" for name in NAMES])
    # The first line of input is cleared, with the menu.
    session.type("\x15msg.priority\r")
    session.until(rf"Out\s*\[\s*1\s*\]:\s*{first.priority}\b", prompt(2))
    session.type("print(msg.msg)\r")
    session.until(rf"\n\s*{re.escape(first.msg)}\s*\r", prompt(3))
    session.type("msg.alert.proto\r")
    session.until(rf"Out\s*\[\s*3\s*\]:\s*'{first.proto}'")
    session.type("exit\r")
    # Python's banner is shown once only.
    text = session.until(r"\[1:1000134:\d+\] ICMP Echo Request", prompt(r"\d"))
    assert "IPython 9" not in text
    session.type("print(msg.sig_id)\r")
    session.until(r"\n\s*1000134\s*\r")
    # Others are received meanwhile, and Snort is not held up.
    assert room.send(*[PING] * 50) < 0.5
    session.shell.kill(signal.SIGTERM)
    until("it has ended", lambda: not session.shell.isalive())
    assert not room.socket.exists()


def test_exit_goes_on_and_quit_ends(room):
    session = Session(room)
    session.until(r"quit`` ends Pigear.")
    room.send(*[PING] * 4)
    session.until(r"ICMP Echo Request .* \{ICMP\} 192\.168\.10\.21 -> ", prompt(1))
    session.type("msg\r")
    text = session.until(r"AlertMessage\r?\n\s+msg\s+'ICMP Echo Request'", prompt(2))
    assert re.search(r"pkt\s+<\d+ bytes: 02 00 5e( \w\w){13} …>", text), text
    session.type("kept = 40\r")
    session.until(prompt(3))
    session.type("exit\r")
    session.until(r"ICMP Echo Request", r"\(2 wait\)", prompt(4))
    # Variables stay, and functions see them.
    session.type("(lambda: kept + msg.priority)()\r")
    session.until(r"Out\s*\[\s*4\s*\]:\s*43\b", prompt(5))
    session.type("\x04")
    session.until(r"\(1 wait\)", prompt(5))
    session.type("quit\r")
    session.until(r"1 more alert was not examined")
    until("it has ended", lambda: not session.shell.isalive())
    assert session.shell.exitstatus == 0
    assert not room.socket.exists()


def test_ctrl_c_ends_what_runs_and_while_waiting_the_program(room):
    session = Session(room)
    session.until(r"quit`` ends Pigear.")
    room.send(PING)
    session.until(prompt(1))
    session.type("import time; print(6 * 7); time.sleep(600)\r")
    session.until(r"\n\s*42\s")
    session.type("\x03")
    session.until(r"KeyboardInterrupt", prompt(2))
    session.type("exit\r")
    session.until(r"waiting for the next alert; Ctrl-C ends")
    session.type("\x03")
    until("it has ended", lambda: not session.shell.isalive())
    assert session.shell.exitstatus == 0


def test_without_ipython_it_is_said_what_to_install(room):
    room.write("IPython.py", "raise ImportError(\"No module named 'IPython'\")\n")
    status, out, err = room.pigear("--data-handler", "pigear.contrib.IPythonDataHandler").end()
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].endswith("IPython is needed for this: pip install ipython")
    assert not room.socket.exists()
