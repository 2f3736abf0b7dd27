"""Socket handlers: the one of 2012, and classes that derive from it."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

import pigear
from conftest import DEADLINE, PING, SNORT3, missing, until
from pigear.core import DataHandler, SocketHandler

# As one would have written it for Pigear under Python 2.7.
IN_2012 = '''
    import os
    import socket
    from pigear.core import DataHandler, SocketHandler

    class Shared(SocketHandler):
        """Everybody may write to the socket, which is somewhere else."""

        def __init__(self, *args, **kwargs):
            super(Shared, self).__init__(*args, **kwargs)
            self.unixsock_fullpath = os.path.join(self.logdir, 'shared')

        def get_socket(self):
            s = super(Shared, self).get_socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            return s

        def bind_socket(self, socket):
            try:
                os.remove(self.unixsock_fullpath)
            except OSError:
                pass
            socket.bind(self.unixsock_fullpath)
            os.chmod(self.unixsock_fullpath, 0o666)

    class Loop(SocketHandler):
        """Has a loop of its own, for a certain number of alerts."""

        def serve(self, forever=True):
            for _ in range(3):
                data, addr = self.socket.recvfrom(self.data_handler.msg_size)
                self.data_handler.handle(data, addr)
            self.socket.close()

    class Print(DataHandler):

        def __init__(self, prefix):
            self.prefix = prefix

        def handle(self, data, addr):
            msg = super(Print, self).handle(data, addr)
            if msg.sig_id != 1000134:
                raise ValueError('not a ping')
            print(self.prefix, msg.msg, addr)
            return msg
'''


def send(path, *datagrams):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as snort:
        for datagram in datagrams:
            snort.sendto(datagram, str(path))


@pytest.fixture
def mine(room):
    room.write("mine.py", IN_2012)
    return room


def test_a_socket_handler_and_a_data_handler_of_2012_run_unchanged(mine):
    names = ["--socket-handler", "mine.Shared", "--data-handler", "mine.Print"]
    running = mine.pigear(*names, "--serve-forever", "prefix=got")
    shared = mine.log / "shared"
    until("the socket is there", lambda: shared.is_socket() and shared.stat().st_mode & 0o777 == 0o666)
    send(shared, PING, SNORT3[0], b"what", PING)
    until("both are printed", lambda: running.out.read_text().count("got") == 2)
    running.interrupt()
    status, out, err = running.end()
    assert (status, out) == (0, "got ICMP Echo Request None\n" * 2)
    assert "ValueError: not a ping" in err and "pigear.DecodeError: datagram has 4 bytes" in err


def test_without_serve_forever_an_exception_ends_it_with_its_traceback(mine):
    names = ["--socket-handler", "pigear.core.SocketHandler", "--data-handler", "mine.Print"]
    shared = [names[0], "mine.Shared", *names[2:]]
    running = mine.pigear(*shared, "prefix=got")
    path = mine.log / "shared"
    until("the socket is there", lambda: path.is_socket() and path.stat().st_mode & 0o777 == 0o666)
    send(path, SNORT3[0])
    status, out, err = running.end()
    assert (status, out) == (1, "")
    assert err.count("Traceback (most recent call last):") == 1
    assert err.endswith("error: socket handler mine.Shared: ValueError: not a ping\n")


@pytest.mark.parametrize("data_handlers", [["mine.Print", "prefix=got"], ["null"]])
def test_what_a_socket_handler_itself_raises_is_shown_with_its_traceback(room, data_handlers):
    wrong = """
    class Wrong(Shared):
        def serve(self, forever):
            raise LookupError('no way')
    """
    room.write("mine.py", IN_2012 + wrong)
    names = ["--socket-handler", "mine.Wrong", "--data-handler", *data_handlers]
    status, out, err = room.pigear(*names).end()
    assert (status, out) == (1, "")
    assert err.count("Traceback (most recent call last):") == 1
    assert "in serve\n" in err and err.splitlines()[-1].endswith("LookupError: no way")


def test_a_loop_of_its_own_ends_in_order(mine):
    running = mine.pigear("--socket-handler", "mine.Loop", "--data-handler", "mine.Print", "prefix=a")
    mine.send(PING, PING, PING)
    assert running.end() == (0, "a ICMP Echo Request None\n" * 3, "")


def test_native_and_several_data_handlers_are_fed(mine):
    names = ["--socket-handler", "mine.Loop", "--data-handler", "null", "--data-handler", "mine.Print"]
    running = mine.pigear(*names, "mine.Print.prefix=b", "--stats", "stats.json")
    mine.send(PING, PING, PING)
    assert running.end() == (0, "b ICMP Echo Request None\n" * 3, "")
    lanes = json.loads(mine.read("stats.json"))["handlers"]
    assert [lane["handled"] for lane in lanes.values()] == [3, 3]


def test_the_default_data_handler_is_fed(mine):
    running = mine.pigear("--socket-handler", "mine.Loop")
    mine.send(PING, PING, PING)
    assert running.end() == (0, f"{pigear.decode(PING)}\n" * 3, "")


@pytest.mark.parametrize(
    "option", ["--count 1", "--stats s.json", "--filter true", "--store s.db", "--sensor a"]
)
def test_options_that_two_classes_would_pass_over_are_refused(mine, option):
    names = ["--socket-handler", "mine.Loop", "--data-handler", "mine.Print", "prefix=a"]
    status, out, err = mine.pigear(*names, *option.split()).end()
    problem = f"{option.split()[0]} needs a built-in handler or socket handler"
    assert (status, out, err) == (2, "", f"error: {problem}\n")


@pytest.mark.parametrize("stop", ["interrupt", "terminate"])
def test_signals_end_a_socket_handler_that_waits(mine, stop):
    for handlers in [["--data-handler", "mine.Print", "prefix=c"], []]:
        running = mine.pigear("--socket-handler", "mine.Loop", *handlers)
        mine.send(PING)
        until("the alert is printed", lambda: running.out.read_text())
        getattr(running, stop)()
        status, _, err = running.end(10)
        assert status == 0 and "Traceback" not in err
        mine.socket.unlink(missing_ok=True)


def test_enough_alerts_end_a_socket_handler_that_waits(mine):
    running = mine.pigear("--socket-handler", "mine.Loop", "--count", "2")
    mine.send(PING, PING)
    assert running.end(10) == (0, f"{pigear.decode(PING)}\n" * 2, "")


def test_a_datagram_that_is_no_alert_ends_it_unless_told_otherwise(mine):
    running = mine.pigear("--socket-handler", "mine.Loop")
    mine.send(b"what")
    status, out, err = running.end(10)
    assert (status, out) == (1, "")
    assert "error: mine.Loop: datagram has 4 bytes" in err
    mine.socket.unlink(missing_ok=True)
    running = mine.pigear("--socket-handler", "mine.Loop", "--serve-forever")
    mine.send(b"what", PING, PING)
    assert running.end(10)[1] == f"{pigear.decode(PING)}\n" * 2


def test_a_socket_handler_that_is_not_there_is_refused(room):
    running = room.pigear("--socket-handler", "nowhere.Handler")
    problem = "there is no module 'nowhere'"
    assert running.end() == (2, "", f"error: socket handler nowhere.Handler: {problem}\n")


class Collect(DataHandler):
    def __init__(self, **kwargs):
        self.kwargs = kwargs
        self.messages = []

    def handle(self, data, addr):
        self.messages.append(super().handle(data, addr))
        return self.messages[-1]


def test_attributes_are_those_of_2012(room):
    handler = SocketHandler(logdir=str(room.log), data_handler=Collect, kwargs={"a": "1"})
    assert set(handler.defaults) == {"logdir", "unixsock_filename", "snort_conf"}
    assert handler.logdir == str(room.log)
    assert handler.unixsock_fullpath == str(room.socket)
    assert handler.data_handler.kwargs == {"a": "1"}
    assert isinstance(SocketHandler(logdir="x").data_handler, DataHandler)
    made = Collect()
    assert SocketHandler(logdir="x", data_handler=made).data_handler is made


def test_wrong_keywords_are_explained_and_raised(caplog):
    with pytest.raises(TypeError):
        SocketHandler(logdir="x", data_handler=DataHandler, kwargs={"colour": "red"})
    assert "kwargs={'colour': 'red'}" in caplog.text and "DataHandler" in caplog.text


def test_the_log_directory_comes_from_snorts_configuration(room):
    room.write("snort.conf", "# config logdir: /no\nconfig logdir: /var/log/my snort\n")
    path = str(room.path / "snort.conf")
    assert SocketHandler.logdir_from_snort_conf(path) == "/var/log/my snort"
    assert SocketHandler(snort_conf=path).logdir == "/var/log/my snort"
    room.write("snort.conf", "# nothing\n")
    assert SocketHandler.logdir_from_snort_conf(path) is None
    assert SocketHandler(snort_conf=path).logdir == "/var/log/snort/"
    with pytest.raises(FileNotFoundError):
        SocketHandler(snort_conf=str(room.path / "none"))

    class Elsewhere(SocketHandler):
        def get_logdir(self, snort_conf=None):
            return "/elsewhere"

    assert Elsewhere().logdir == "/elsewhere"


def test_the_socket_is_bound_once_and_safely(room):
    handler = SocketHandler(logdir=str(room.log))
    bound = handler.socket
    assert handler.socket is bound
    assert bound.getsockname() == str(room.socket)
    assert room.socket.stat().st_mode & 0o777 == 0o660
    with pytest.raises(FileExistsError, match="already listens"):
        SocketHandler(logdir=str(room.log)).socket
    bound.close()
    del handler, bound
    assert not room.socket.exists()
    room.socket.write_text("mine")
    with pytest.raises(FileExistsError, match="not an alert socket"):
        SocketHandler(logdir=str(room.log)).serve()
    assert room.socket.read_text() == "mine"


class Slow(Collect):
    def handle(self, data, addr):
        super().handle(data, addr)
        if len(self.messages) == 1:
            self.sent.wait(20)
        if len(self.messages) == 100:
            raise KeyboardInterrupt


def test_a_slow_data_handler_does_not_hold_snort_up(room):
    handler = SocketHandler(logdir=str(room.log), data_handler=Slow)
    handler.data_handler.sent = threading.Event()

    def snort():
        until("the first is handled", lambda: room.send(PING) and handler.data_handler.messages)
        took.append(room.send(*[PING] * 120))
        handler.data_handler.sent.set()

    took = []
    thread = threading.Thread(target=snort, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        handler.serve()
    thread.join(20)
    assert took and took[0] < 0.5
    assert len(handler.data_handler.messages) == 100
    assert not room.socket.exists()


def test_what_is_dropped_is_logged_at_once(room, caplog):
    handler = SocketHandler(logdir=str(room.log), data_handler=Slow)
    handler.data_handler.sent = threading.Event()

    def snort():
        # Fills 64 MiB.
        room.send(*[PING] * 1_200)
        until("it is logged", lambda: "queue is full; 1 alert dropped" in caplog.text)
        logged.set()
        handler.data_handler.sent.set()

    logged = threading.Event()
    thread = threading.Thread(target=snort, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        handler.serve()
    assert logged.is_set()


def test_who_may_not_send_is_refused_and_logged(room):
    if os.getuid() != 0:
        missing("only root can become another user")
    room.write(
        "stranger.py",
        """
        import os, socket
        os.setgid(65534), os.setuid(65534)
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"what", "snort_alert")
        """,
    )
    room.write(
        "mine.py",
        """
        import os
        from pigear.core import DataHandler, SocketHandler
        class Open(SocketHandler):
            def bind_socket(self, socket):
                super(Open, self).bind_socket(socket)
                os.chmod(self.unixsock_fullpath, 0o666)
        class Print(DataHandler):
            def handle(self, data, addr):
                print(len(data))
        """,
    )
    running = room.pigear("--socket-handler", "mine.Open", "--data-handler", "mine.Print")
    until("everybody may try", lambda: room.socket.is_socket() and room.socket.stat().st_mode & 2)
    subprocess.run([sys.executable, room.path / "stranger.py"], cwd=room.log, check=True)
    problem = "warning: refused a datagram from uid 65534"
    until("it is said", lambda: problem in running.err.read_text())
    running.interrupt()
    assert running.end()[:2] == (0, "")


def test_file_descriptors_that_come_with_a_datagram_are_closed(room):
    room.write(
        "mine.py",
        """
        from pigear.core import DataHandler, SocketHandler
        class Mine(SocketHandler):
            pass
        class Print(DataHandler):
            def handle(self, data, addr):
                print(len(data))
        """,
    )
    running = room.pigear("--socket-handler", "mine.Mine", "--data-handler", "mine.Print")
    until("it listens", room.socket.is_socket)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as snort, open(os.devnull) as file:
        snort.connect(str(room.socket))
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("100i", *[file.fileno()] * 100))
        snort.sendmsg([b"what"], [rights])
        snort.send(b"next one")
    until("both are handled", lambda: running.out.read_text() == "4\n8\n")
    running.interrupt()
    assert running.end()[0] == 0


def test_an_exception_is_raised_or_logged(room, caplog):
    class Raising(Collect):
        def handle(self, data, addr):
            super().handle(data, addr)
            if len(self.messages) == 2:
                raise KeyboardInterrupt
            raise ValueError("no")

    once = SocketHandler(logdir=str(room.log), data_handler=Raising)
    once.socket
    room.send(PING)
    with pytest.raises(ValueError):
        once.serve(forever=False)
    forever = SocketHandler(logdir=str(room.log), data_handler=Raising)
    forever.socket
    room.send(PING, PING)
    with pytest.raises(KeyboardInterrupt):
        forever.serve()
    assert "ValueError: no" in caplog.text


def test_nobody_waits_for_a_handler_that_has_served(room):
    class Raising(DataHandler):
        def handle(self, data, addr):
            raise ValueError("no")

    def snort():
        with pytest.raises(OSError):
            room.send(*[PING] * 1_000)

    handler = SocketHandler(logdir=str(room.log), data_handler=Raising)
    for _ in range(2):
        handler.socket
        sender = threading.Thread(target=snort, daemon=True)
        sender.start()
        with pytest.raises(ValueError):
            handler.serve(forever=False)
        assert not room.socket.exists()
        sender.join(DEADLINE / 2)
        assert not sender.is_alive()


def test_ctrl_c_ends_serving_at_once(room):
    import signal

    handler = SocketHandler(logdir=str(room.log))
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        handler.serve()
    assert time.monotonic() - before < 2
    assert not room.socket.exists()


def test_a_socket_of_another_kind_can_be_served():
    class Udp(SocketHandler):
        def get_socket(self):
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

        def bind_socket(self, socket):
            socket.bind(("127.0.0.1", 0))

    class Where(DataHandler):
        def handle(self, data, addr):
            where.append((data, addr))
            raise KeyboardInterrupt

    where = []
    handler = Udp(logdir="x", data_handler=Where)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.sendto(b"over UDP", handler.socket.getsockname())
        with pytest.raises(KeyboardInterrupt):
            handler.serve()
        assert where == [(b"over UDP", sender.getsockname())]


@pytest.mark.parametrize("name", ["mine.Shared", "mine.Native"])
def test_that_the_socket_was_removed_is_said_once(room, name):
    room.write("mine.py", IN_2012 + "\n    class Native(SocketHandler):\n        pass\n")
    mine = room
    running = mine.pigear("--socket-handler", name, "--data-handler", "mine.Print", "prefix=got")
    path = mine.log / ("shared" if name == "mine.Shared" else "snort_alert")
    until("the socket is there", path.is_socket)
    moved = path.with_name("moved")
    path.rename(moved)
    gone = f"log/{path.name} was removed or replaced, so no alerts arrive; restart Pigear"
    until("it is noticed", lambda: gone in running.err.read_text())
    moved.rename(path)
    running.interrupt()
    status, _, err = running.end()
    assert (status, err.count(gone)) == (0, 1)
