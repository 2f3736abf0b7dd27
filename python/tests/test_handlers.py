"""Data handlers that are Python classes, named on the command line."""

import json
import time

import pytest

import pigear
from conftest import PING, SNORT3, until
from pigear.examples import RECORDING

# As one would have written it for Pigear under Python 2.7.
IN_2012 = '''
    import sqlite3
    import struct
    import threading
    from pigear.core import DataHandler

    class Store(DataHandler):

        def __init__(self, path, table='alerts'):
            self.table = table
            self.db = sqlite3.connect(path)
            self.db.execute('create table %s (sid integer, rev integer, msg text, pkt blob)' % table)

        def handle(self, data, addr):
            msg = super(Store, self).handle(data, addr)
            assert addr is None
            assert threading.current_thread() is threading.main_thread()
            raw = dict(zip(self._names, struct.unpack(self._fmt, data[:self.msg_size])))
            assert raw['sig_id'] == msg.sig_id and raw['pkt'] == msg.pkt
            fields = msg._asdict()
            self.db.execute(
                'insert into %s values (?, ?, ?, ?)' % self.table,
                (fields['sig_id'], msg.sig_rev, msg.msg, msg.pkt[:msg.caplen]))
            self.db.commit()
            return msg
'''


def test_a_handler_of_2012_runs_unchanged(room):
    import sqlite3

    room.write("mine.py", IN_2012)
    running = room.pigear("--data-handler", "mine.Store", "path=a.db", "table=t", "--count", "3")
    room.send(*SNORT3[:3])
    assert running.end() == (0, "", "")
    rows = sqlite3.connect(room.path / "a.db").execute("select sid, msg, pkt from t").fetchall()
    alerts = [pigear.decode(datagram) for datagram in SNORT3[:3]]
    assert rows == [(alert.sig_id, alert.msg, alert.pkt) for alert in alerts]


MODERN = """
    import pigear

    class Lines(pigear.Handler):
        def __init__(self, path):
            self.file = open(path, "w")

        def handle(self, alert):
            print(alert.sig_id, alert.proto, alert.sensor, file=self.file)

        def finish(self):
            print("done", file=self.file)
            self.file.close()
"""


def test_a_modern_handler_gets_alerts_and_is_finished(room):
    room.write("mine.py", MODERN)
    args = ["--data-handler", "mine.Lines", "path=lines", "--sensor", "dmz", "--count", "2"]
    running = room.pigear(*args)
    room.send(PING, PING)
    assert running.end() == (0, "", "")
    assert room.read("lines") == "1000134 ICMP dmz\n" * 2 + "done\n"


def test_python_and_native_handlers_run_side_by_side(room):
    room.write("mine.py", MODERN)
    names = ["print", "mine.Lines", "mine.Lines"]
    args = [word for name in names for word in ["--data-handler", name]]
    keys = ["mine.Lines.path=one", "mine.Lines-2.path=two", "print.format=json"]
    running = room.pigear(*args, *keys, "--sensor", "dmz", "--count", "1", "--stats", "stats.json")
    room.send(PING)
    status, out, err = running.end()
    assert (status, json.loads(out)["sig_id"], err) == (0, 1000134, "")
    assert room.read("one") == room.read("two") == "1000134 ICMP dmz\ndone\n"
    counted = {"received": 1, "waiting": 0, "handled": 1, "dropped": 0, "failed": 0}
    lanes = json.loads(room.read("stats.json"))["handlers"]
    assert lanes == {"mine.Lines": counted, "mine.Lines-2": counted, "print": counted}


def test_an_alert_of_a_group_says_how_many_it_stands_for(room):
    room.write(
        "mine.py",
        """
        import pigear
        class Count(pigear.Handler):
            def handle(self, alert):
                print(alert.count, flush=True)
        """,
    )
    running = room.pigear("--data-handler", "mine.Count", "group=1h", "--count", "3")
    room.send(PING, PING, PING)
    assert running.end() == (0, "3\n", "")


def test_a_configuration_file_may_name_them_and_gives_numbers_as_numbers(room):
    room.write(
        "mine.py",
        """
        import pigear
        class Types(pigear.Handler):
            def __init__(self, n, words):
                print(n + 1, words)
            def handle(self, alert):
                print(alert.sig_id)
        """,
    )
    room.write("it.toml", "[[handler]]\ntype = 'mine.Types'\nn = 41\nwords = ['a', 'b']\n")
    running = room.pigear("--config", "it.toml", "--count", "1")
    room.send(PING)
    assert running.end() == (0, "42 ['a', 'b']\n1000134\n", "")


@pytest.mark.parametrize(
    "name, problem",
    [
        ("nowhere.Handler", "there is no module 'nowhere'"),
        ("json.nowhere.Handler", "there is no module 'json.nowhere'"),
        ("json.Handler", "the module 'json' has no 'Handler'"),
        ("json.dumps", "'dumps' is no class, but function"),
        ("collections.OrderedDict", "the class has no method 'handle'"),
        ("./mine.Handler", "a class is named by a dotted path, such as my_module.MyClass"),
        ("mine.", "a class is named by a dotted path, such as my_module.MyClass"),
    ],
)
def test_what_is_no_handler_is_refused(room, name, problem):
    running = room.pigear("--data-handler", name)
    assert running.end() == (2, "", f"error: handler {name}: {problem}\n")
    assert not room.socket.exists()


def test_a_module_that_can_not_be_imported_shows_why(room):
    room.write("mine.py", "1 / 0\n")
    status, out, err = room.pigear("--data-handler", "mine.Handler").end()
    assert (status, out) == (1, "")
    assert err.startswith("error: cannot import mine\nTraceback (most recent call last):\n")
    assert 'mine.py", line 1' in err
    assert err.endswith("error: handler mine.Handler: ZeroDivisionError: division by zero\n")


def test_a_script_that_exits_when_it_is_imported_is_told_from_ctrl_c(room):
    room.write("mine.py", "raise SystemExit\n")
    status, out, err = room.pigear("--data-handler", "mine.Handler").end()
    problem = "it raised SystemExit during start"
    assert (status, out, err) == (1, "", f"error: handler mine.Handler: {problem}\n")


RAISING = """
    import pigear.core
    class Choosy(pigear.core.DataHandler):
        def __init__(self, colour):
            self.colour = colour
            if colour == "none":
                raise RuntimeError("no colour \\x1b[31m")
        def handle(self, data, addr):
            msg = super().handle(data, addr)
            if msg.sig_id == 1000134:
                raise ValueError("will not take \\x1b[31m " + msg.msg)
            print(msg.sig_id)
"""


def test_wrong_keywords_are_explained(room):
    room.write("mine.py", RAISING)
    status, out, err = room.pigear("--data-handler", "mine.Choosy", "color=red").end()
    assert (status, out) == (1, "")
    assert "may not accept these keyword arguments" in err
    assert "kwargs={'color': 'red'}, class=<class 'mine.Choosy'>" in err
    assert "Traceback (most recent call last):" in err
    assert err.splitlines()[-1].startswith("error: handler mine.Choosy: TypeError: ")
    assert not room.socket.exists()


def test_a_constructor_that_raises_shows_its_traceback(room):
    room.write("mine.py", RAISING)
    status, out, err = room.pigear("--data-handler", "mine.Choosy", "colour=none").end()
    assert (status, out) == (1, "")
    assert "Traceback (most recent call last):" in err and "in __init__" in err
    assert err.splitlines()[-1].startswith("error: handler mine.Choosy: RuntimeError: no colour")


def test_an_exception_ends_it_with_its_traceback(room):
    room.write("mine.py", RAISING)
    running = room.pigear("--data-handler", "mine.Choosy", "colour=red")
    room.send(SNORT3[0], PING)
    status, out, err = running.end()
    assert (status, out) == (1, f"{pigear.decode(SNORT3[0]).sig_id}\n")
    assert err.startswith("error: handler mine.Choosy raised an exception\nTraceback")
    assert 'mine.py", line 11, in handle' in err
    assert "ValueError: will not take \\x1b[31m ICMP Echo Request" in err
    assert "\x1b" not in err
    assert "error: handler mine.Choosy: ValueError: will not take" in err
    assert "hint: with --serve-forever" in err


def test_with_serve_forever_an_exception_is_logged_with_its_traceback(room):
    room.write("mine.py", RAISING)
    args = ["--serve-forever", "--count", "4", "--stats", "stats.json"]
    running = room.pigear("--data-handler", "mine.Choosy", "colour=red", *args)
    room.send(PING, PING, PING, SNORT3[0])
    status, out, err = running.end()
    assert (status, out) == (1, f"{pigear.decode(SNORT3[0]).sig_id}\n")
    # At powers of two: the first and the second, not the third.
    assert err.count("Traceback (most recent call last):") == 2
    assert "1 alert failed so far" in err
    counted = json.loads(room.read("stats.json"))["handlers"]["mine.Choosy"]
    assert counted == {"received": 4, "waiting": 0, "handled": 1, "dropped": 0, "failed": 3}


ASLEEP = """
    import time
    import pigear
    class Asleep(pigear.Handler):
        def handle(self, alert):
            print("asleep")
            {how}
"""
FOR_EVER = "time.sleep(1000)"
STUBBORN = """
            while True:
                try:
                    time.sleep(1000)
                except BaseException:
                    print("no")"""


def asleep(room, how, *args):
    room.write("mine.py", ASLEEP.format(how=how))
    running = room.pigear("--data-handler", "mine.Asleep", *args)
    room.send(PING)
    until("it sleeps", lambda: "asleep" in running.out.read_text())
    return running


def test_a_handler_that_never_returns_does_not_hold_snort_up(room):
    running = asleep(room, FOR_EVER)
    assert room.send(*[PING] * 200) < 0.5
    running.interrupt()
    assert running.end(10)[0] == 0


@pytest.mark.parametrize("stop", ["interrupt", "terminate"])
def test_a_signal_ends_a_handler_that_never_returns(room, stop):
    running = asleep(room, FOR_EVER, "--stats", "stats.json")
    before = time.monotonic()
    getattr(running, stop)()
    status, out, err = running.end(15)
    assert (status, out) == (0, "asleep\n")
    assert "1 alert dropped" in err and "Traceback" not in err
    assert json.loads(room.read("stats.json"))["handlers"]["mine.Asleep"]["dropped"] == 1
    if stop == "interrupt":
        assert time.monotonic() - before < 3


def test_enough_alerts_end_a_handler_that_never_returns(room):
    status, out, err = asleep(room, FOR_EVER, "--count", "1").end(15)
    assert (status, out) == (1, "asleep\n")
    assert "still busy at the shutdown deadline; 1 alert dropped" in err


def test_a_handler_that_minds_nothing_is_left_behind(room):
    status, out, err = asleep(room, STUBBORN, "--count", "1").end(20)
    assert (status, out) == (1, "asleep\nno\n")
    running = asleep(room, STUBBORN)
    running.interrupt()
    until("it minds nothing", lambda: "no" in running.out.read_text())
    running.terminate()
    assert running.end(20)[0] in (0, 143)


UNFINISHED = """
    import pigear, time
    class Slow(pigear.Handler):
        def __init__(self, init=""):
            if init:
                print("starts")
                time.sleep(1000)
        def handle(self, alert):
            print("handled")
        def finish(self):
            print("finishes")
            time.sleep(1000)
"""


def test_ctrl_c_ends_a_handler_that_does_not_finish(room):
    room.write("mine.py", UNFINISHED)
    recording = ["--socket-handler", "play", "--from", RECORDING]
    running = room.pigear("--data-handler", "mine.Slow", *recording, listen=False)
    until("it finishes", lambda: "finishes" in running.out.read_text())
    running.interrupt()
    status, out, err = running.end(10)
    assert status == 0 and "Traceback" not in err
    assert "warning: handler mine.Slow: interrupted before it finished\n" in err


def test_a_signal_ends_a_handler_that_does_not_start(room):
    room.write("mine.py", UNFINISHED)
    for stop in ["interrupt", "terminate"]:
        running = room.pigear("--data-handler", "mine.Slow", "init=slow")
        until("it starts", lambda: "starts" in running.out.read_text())
        getattr(running, stop)()
        status, _, err = running.end(10)
        assert (status, err) == (1, "error: handler mine.Slow: interrupted\n")


def test_a_handler_may_ask_to_stop(room):
    room.write("mine.py", ASLEEP.format(how="raise SystemExit"))
    running = room.pigear("--data-handler", "mine.Asleep")
    room.send(PING)
    assert running.end()[:2] == (0, "asleep\n")
    assert not room.socket.exists()


def test_whole_datagrams_reach_handlers_of_2012_whatever_snort_sent_them(room):
    from conftest import recorded

    datagrams = [
        next(recorded(f"{build}/icmp_ping/alerts.dgrams.gz"))
        for build in ["v220", "v2852", "v2923", "v2973", "v2973appid", "v2919", "v3122"]
    ]
    room.write(
        "mine.py",
        """
        from pigear.core import DataHandler
        class Sizes(DataHandler):
            def handle(self, data, addr):
                print(len(data), super(Sizes, self).handle(data, addr).sig_id)
        class Short(DataHandler):
            msg_size = 256
            def handle(self, data, addr):
                print(len(data))
        """,
    )
    running = room.pigear("--data-handler", "mine.Sizes", "--count", str(len(datagrams)))
    room.send(*datagrams)
    lines = [f"{len(it)} {pigear.decode(it).sig_id}\n" for it in datagrams]
    assert running.end() == (0, "".join(lines), "")
    running = room.pigear("--data-handler", "mine.Short", "--count", "1")
    room.send(PING)
    assert running.end() == (0, "256\n", "")


def test_debug_shows_what_pythons_log_says(room):
    room.write(
        "mine.py",
        """
        import logging
        from pigear.core import DataHandler
        class Chatty(DataHandler):
            def handle(self, data, addr):
                logging.getLogger("mine").debug("one more")
                return super(Chatty, self).handle(data, addr)
        """,
    )
    for args, shown in [(["--debug"], True), ([], False)]:
        running = room.pigear("--data-handler", "mine.Chatty", "--count", "1", *args)
        room.send(PING)
        status, _, err = running.end()
        assert status == 0
        assert ("debug: one more\n" in err) is shown
        assert ("\nsig_id: 1000134\n" in err) is shown


def test_handlers_of_2012_get_datagrams_also_of_what_snorts_log_has(room):
    import gzip
    from conftest import DATA

    log = gzip.decompress((DATA / "v3122/icmp_ping/unified2.log.gz").read_bytes())
    (room.path / "unified2.log").write_bytes(log)
    room.write(
        "mine.py",
        """
        from pigear.core import DataHandler
        class Show(DataHandler):
            def handle(self, data, addr):
                msg = super(Show, self).handle(data, addr)
                print(len(data), msg.sig_id, msg.alert.src_ip)
        """,
    )
    args = ["--socket-handler", "unified2", "--from", "unified2.log", "--from-start", "--once"]
    # One after the other: both write the log's bookmark.
    ended = room.pigear("--data-handler", "mine.Show", *args, listen=False).end()
    alerts = pigear.listen(unified2=room.path / "unified2.log", from_start=True, once=True)
    lines = [f"65864 {alert.sig_id} {alert.src_ip}\n" for alert in alerts]
    assert ended == (0, "".join(lines), "") and len(lines) > 5
