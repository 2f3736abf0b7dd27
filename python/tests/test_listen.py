"""Loops over alerts."""

import asyncio
import gc
import gzip
import os
import signal
import socket
import sys
import threading
import time

import pytest

import pigear
from conftest import DATA, PING, SNORT3, recorded, until
from pigear.examples import RECORDING


def in_background(work, *args):
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    return thread


def test_alerts_come_as_they_are_sent(room):
    with pigear.listen(room.log, sensor="dmz", count=len(SNORT3)) as alerts:
        in_background(room.send, *SNORT3)
        received = list(alerts)
        assert [alert.msg for alert in received] == [pigear.decode(it).msg for it in SNORT3]
        assert alerts.stats["received"] == alerts.stats["handlers"]["listen"]["handled"]
    alert = received[0]
    assert (alert.sensor, alert.socket) == ("dmz", str(room.socket))
    assert (alert.sender.pid, alert.sender.uid) == (os.getpid(), os.getuid())
    assert not room.socket.exists()


def test_what_was_received_before_the_end_is_given_also_to_a_slow_loop(room):
    with pigear.listen(room.log, count=40) as alerts:
        sender = in_background(room.send, *[PING] * 40)
        first = next(alerts)
        sender.join()
        until("the socket is gone", lambda: not room.socket.exists())
        assert len(list(alerts)) == 39
    assert first.msg


def test_a_loop_that_sleeps_does_not_hold_snort_up(room):
    with pigear.listen(room.log) as alerts:
        sender = in_background(room.send, PING)
        next(alerts)
        sender.join()
        assert room.send(*[PING] * 200) < 0.5
        until("all are received", lambda: alerts.stats["received"] == 201)


def test_a_filter_leaves_out(room):
    with pigear.listen(recording=RECORDING, filter=lambda alert: alert.proto == "UDP") as alerts:
        assert {alert.proto for alert in alerts} == {"UDP"}
    with pigear.listen(recording=RECORDING, filter=lambda alert: alert.nonsense) as alerts:
        with pytest.raises(AttributeError):
            next(alerts)


def test_a_filter_may_be_an_expression(room):
    expression = 'alert.proto == "UDP" && msg.priority == 1'
    with pigear.listen(recording=RECORDING, filter=expression) as alerts:
        assert {(alert.proto, alert.priority) for alert in alerts} == {("UDP", 1)}
        assert alerts.stats["handlers"]["listen"]["filtered"] > 0
    with pytest.raises(ValueError, match="filter: "):
        pigear.listen(room.log, filter="msg.priority ==")
    assert not room.socket.exists()


def test_an_asynchronous_loop_waits_without_holding_up_others(room):
    async def receive():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.ensure_future(tick())
        messages = []
        async with pigear.listen(room.log, count=3) as alerts:
            for datagram in SNORT3[:3]:
                before = ticks
                while ticks < before + 5:
                    await asyncio.sleep(0.001)
                in_background(room.send, datagram)
                messages.append((await alerts.__anext__()).msg)
            with pytest.raises(StopAsyncIteration):
                await alerts.__anext__()
        ticking.cancel()
        return messages

    assert asyncio.run(receive()) == [pigear.decode(datagram).msg for datagram in SNORT3[:3]]
    assert not room.socket.exists()


def test_many_alerts_reach_an_asynchronous_loop():
    async def count():
        n = 0
        async for _ in pigear.listen(recording=RECORDING):
            n += 1
        return n

    assert asyncio.run(count()) == 68


def test_tasks_may_share_a_listener(room):
    async def receive():
        async with pigear.listen(room.log, count=40) as alerts:

            async def loop():
                return [alert.event_id async for alert in alerts]

            loops = [asyncio.ensure_future(loop()) for _ in range(3)]
            await asyncio.sleep(0)
            in_background(room.send, *[PING] * 40)
            return await asyncio.wait_for(asyncio.gather(*loops), 20)

    assert sum(len(ids) for ids in asyncio.run(receive())) == 40


def test_waiting_asynchronously_can_be_cancelled(room):
    async def receive():
        with pigear.listen(room.log) as alerts:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(alerts.__anext__(), 0.05)
            in_background(room.send, PING)
            return await alerts.__anext__()

    assert asyncio.run(receive()).msg == pigear.decode(PING).msg


def test_closing_ends_a_loop_in_another_thread(room):
    alerts = pigear.listen(room.log)
    received = []
    loop = in_background(received.extend, alerts)
    alerts.close()
    loop.join(20)
    assert not loop.is_alive() and received == []
    assert not room.socket.exists()
    alerts.close()


def test_threads_that_share_a_listener_get_every_alert_once(room):
    received = []

    def loop(alerts):
        for alert in alerts:
            received.append(alert.event_id)
            # Has the others go on.
            time.sleep(0)

    def snort():
        for _ in range(20):
            until("the loops wait", lambda: alerts.stats["received"] == len(received))
            room.send(*[PING] * 150)

    with pigear.listen(room.log, count=3_000) as alerts:
        loops = [in_background(loop, alerts) for _ in range(8)]
        snort()
        for thread in loops:
            thread.join(20)
    assert len(received) == 3_000


def test_ctrl_c_interrupts_a_loop_at_once(room):
    pressed = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    with pigear.listen(room.log) as alerts:
        pressed.start()
        before = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            next(alerts)
        assert time.monotonic() - before < 2
    assert not room.socket.exists()


def test_a_listener_that_goes_away_removes_its_socket(room):
    for _ in range(20):
        alerts = pigear.listen(room.log)
        assert room.socket.is_socket()
        del alerts
        assert not room.socket.exists()


def test_a_listener_goes_away_with_the_owner_of_its_filter(room):
    class Owner:
        def __init__(self):
            self.alerts = pigear.listen(room.log, filter=self.wants)

        def wants(self, alert):
            return True

    Owner()
    gc.collect()
    assert not room.socket.exists()


def test_a_process_that_is_forked_off_leaves_the_listener_alone(room):
    room.write(
        "main.py",
        """
        import os, sys, pigear
        with pigear.listen("log", count=1) as alerts:
            child = os.fork()
            if child == 0:
                sys.exit()
            assert os.waitpid(child, 0)[1] == 0
            print(next(alerts).sig_id)
        """,
    )
    running = room.pigear(program=(sys.executable, "-W", "ignore", "main.py"), listen=False)
    room.send(PING)
    assert running.end() == (0, "1000134\n", "")
    assert not room.socket.exists()


def test_a_program_that_ends_without_closing_removes_its_socket(room):
    room.write("main.py", "import pigear, sys\nalerts = pigear.listen('log')\nnext(alerts)\n")
    running = room.pigear(program=(sys.executable, "main.py"), listen=False)
    room.send(PING)
    assert running.end() == (0, "", "")
    assert not room.socket.exists()


def test_datagrams_that_are_no_alerts_are_counted_or_raise(room):
    with pigear.listen(room.log, count=1) as alerts:
        in_background(room.send, b"what", PING)
        assert len(list(alerts)) == 1
        assert alerts.stats["malformed"] == 1
    with pigear.listen(room.log, serve_forever=False) as alerts:
        in_background(room.send, b"what")
        with pytest.raises(pigear.DecodeError, match="4 bytes"):
            next(alerts)
        assert list(alerts) == []


def test_what_can_not_be_bound_raises_what_python_users_expect(room):
    with pytest.raises(FileNotFoundError, match="no such directory"):
        pigear.listen(room.path / "nowhere")
    room.socket.write_text("mine")
    with pytest.raises(FileExistsError, match="not an alert socket"):
        pigear.listen(room.log)
    assert room.socket.read_text() == "mine"
    room.socket.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(room.socket))
        with pytest.raises(FileExistsError, match="already listens"):
            pigear.listen(room.log)
    # Nobody listens there any more.
    pigear.listen(room.log).close()
    with pytest.raises(ValueError, match="path has"):
        pigear.listen(path="x" * 200)


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ({"dialect": "snort4"}, "^dialect: unknown dialect"),
        ({"instances": "many"}, "^instances: .*expected `auto`"),
        ({"when_full": "explode"}, "^when_full: .*unknown policy"),
        ({"count": -1}, "^count: expected a whole number from 0, not -1"),
        ({"path": b"s\xff"}, "not UTF-8"),
        ({"path": "a", "recording": "b"}, "only one of path, recording and unified2"),
        ({"socket_group": "no such group"}, "unknown group"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(room, arguments, problem):
    where = {} if "path" in arguments else {"logdir": room.log}
    with pytest.raises(ValueError, match=problem):
        pigear.listen(**where, **arguments)
    assert os.listdir(room.log) == []


@pytest.mark.parametrize("argument", ["recording", "unified2", "sid_msg_map"])
def test_files_that_are_not_there_raise_what_python_users_expect(room, argument):
    with pytest.raises(FileNotFoundError, match="cannot read .*nowhere"):
        pigear.listen(room.log, **{argument: room.path / "nowhere" / "file"})
    assert os.listdir(room.log) == []


def test_alerts_are_not_held_up_by_a_log_that_is_not_there(room, caplog):
    nowhere = room.path / "nowhere" / "file"
    with pigear.listen(room.log, complete_from=nowhere, count=1) as alerts:
        room.send(PING)
        assert [alert.sig_id for alert in alerts] == [1000134]
    assert f"there is no directory {nowhere.parent}" in caplog.text


@pytest.mark.parametrize(
    "arguments", [{"filter": 5}, {"allow_uid": "snort"}, {"socket_mode": "0660"}, {"logdir": 5}]
)
def test_arguments_of_a_wrong_type_are_refused(room, arguments):
    with pytest.raises(TypeError):
        pigear.listen(**{"logdir": room.log, **arguments})
    assert os.listdir(room.log) == []


def test_settings_of_the_socket_and_the_names_are_used(room):
    room.write("sid-msg.map", "1000134 || ICMP Echo Request || url,example.org/ping\n")
    with pigear.listen(
        path=room.socket, socket_mode=0o600, sid_msg_map=room.path / "sid-msg.map", count=1
    ) as alerts:
        assert room.socket.stat().st_mode & 0o777 == 0o600
        in_background(room.send, PING)
        assert next(alerts).references == ["http://example.org/ping"]


def test_several_maps_are_joined(room):
    room.write("one.map", "1000134 || ICMP Echo Request || url,example.org/one\n")
    room.write("two.map", "1000134 || ICMP Echo Request || url,example.org/two\n")
    maps = [room.path / "one.map", str(room.path / "two.map")]
    with pigear.listen(room.log, sid_msg_map=maps, count=1) as alerts:
        in_background(room.send, PING)
        assert next(alerts).references == ["http://example.org/two"]


def test_a_queue_that_is_full_drops_counts_and_logs(room, caplog):
    with pigear.listen(room.log, queue=2) as alerts:
        room.send(*[PING] * 50)
        until("all are received", lambda: alerts.stats["received"] == 50)
        assert alerts.stats["handlers"]["listen"]["dropped"] > 0
        until("it is logged", lambda: "its queue is full; 1 alert dropped" in caplog.text)
    assert ("pigear", "WARNING") in {(it.name, it.levelname) for it in caplog.records}


def unpacked(room, case):
    log = room.path / "unified2.log"
    log.write_bytes(gzip.decompress((DATA / case / "unified2.log.gz").read_bytes()))
    return log


def test_snorts_log_is_read(room):
    log = unpacked(room, "v3122/appmix")
    with pigear.listen(unified2=log, from_start=True, once=True) as alerts:
        received = list(alerts)
    assert len(received) == len(list(recorded("v3122/appmix/alerts.dgrams.gz")))
    alert = received[0]
    assert (alert.dialect, alert.action) == (None, "allowed")
    assert all(alert.src_ip and (alert.pkt or alert.inspected) for alert in received)
    assert alert.extra == alert.to_dict().get("extra", {})


def test_what_a_loop_left_comes_again_in_the_next_one(room):
    log = unpacked(room, "v3122/appmix")
    with pigear.listen(unified2=log, from_start=True, once=True) as alerts:
        expected = [alert.event_id for alert in alerts]
    with pigear.listen(unified2=log, from_start=True) as alerts:
        received = [next(alerts).event_id for _ in range(3)]
    assert alerts.stats["handlers"]["listen"]["handled"] == 3
    with pigear.listen(unified2=log, once=True) as alerts:
        again = [alert.event_id for alert in alerts]
    assert received == expected[:3]
    # The bookmark may be a little before what was left.
    assert len(again) >= len(expected) - 3 and again == expected[-len(again) :]


def test_alerts_are_completed_from_snorts_log(room):
    datagrams = list(recorded("v3122/appmix/alerts.dgrams.gz"))
    assert not all(pigear.decode(datagram).src_ip for datagram in datagrams)
    log, count = room.path / "unified2.log", len(datagrams)
    with pigear.listen(room.log, complete_from=log, complete_wait="20s", count=count) as alerts:
        in_background(room.send, *datagrams)
        unpacked(room, "v3122/appmix")
        received = list(alerts)
    assert len(received) == count and all(alert.src_ip for alert in received)
