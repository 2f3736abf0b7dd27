"""Alerts posted to a real httpbin, which says what it got."""

import base64
import json
import re
import socket
import subprocess
import sys
import threading

import pytest

import pigear
from conftest import PING, ROOT, SNORT3, missing, until
from pigear.contrib import HttpSendHandler

sys.path.append(str(ROOT / "fleet"))
from ports import free_port  # noqa: E402

HTTPBIN = ROOT / "target/peers/httpbin/bin/python"


@pytest.fixture(scope="module")
def httpbin():
    """Its port."""
    if not HTTPBIN.exists():
        missing("httpbin is not installed; `make peers` installs it")
    port = free_port()
    words = [HTTPBIN, "-m", "gunicorn", "--threads", "4", "--bind", f"127.0.0.1:{port}", "httpbin:app"]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until("httpbin listens", listens)
    yield port
    server.terminate()
    server.wait(20)


class Tap:
    """Stands between sender and httpbin, and keeps what httpbin answers."""

    def __init__(self, port):
        self.answers = b""
        self.to = ("127.0.0.1", port)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            server = socket.create_connection(self.to)
            threading.Thread(target=self.relay, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.relay, args=(server, client, True), daemon=True).start()

    def relay(self, source, target, keep):
        while data := source.recv(65536):
            if keep:
                self.answers += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def forms(self):
        bodies = re.findall(rb"\r\n\r\n(\{.*?\n\})\n", self.answers, re.DOTALL)
        return [json.loads(body)["form"] for body in bodies]


def holds_the_alert(form, datagram):
    fields = json.loads(form["alert"])
    alert = pigear.decode(datagram)
    assert set(pigear.AlertMessage._fields) <= set(fields)
    assert base64.b64decode(fields["pkt"]) == alert.pkt
    assert (fields["msg"], fields["sig_id"]) == (alert.msg, alert.sig_id)


def test_the_command_line_of_2012_posts_a_form_with_the_alert(room, httpbin):
    tap = Tap(httpbin)
    url = f"url=http://127.0.0.1:{tap.port}/post"
    running = room.pigear(
        "--debug", "--data-handler", "pigear.contrib.HttpSendHandler", url, "--count", "2"
    )
    room.send(PING, SNORT3[0])
    assert running.end()[:2] == (0, "")
    until("both are answered", lambda: len(tap.forms()) == 2)
    for form, datagram in zip(tap.forms(), [PING, SNORT3[0]]):
        assert list(form) == ["alert"]
        holds_the_alert(form, datagram)


def test_the_class_of_2012_posts_the_same(room, httpbin):
    url = f"url=http://127.0.0.1:{httpbin}/post"
    running = room.pigear(
        "--debug", "--data-handler", "pigear.contrib.http_sender.HttpSendHandler", url, "--count", "1"
    )
    room.send(PING)
    status, out, err = running.end()
    assert (status, out) == (0, "")
    answer = err[err.index("{") : err.rindex("}") + 1]
    holds_the_alert(json.loads(answer)["form"], PING)


def test_a_class_that_derives_from_it_sends_in_its_own_way(room):
    room.write(
        "mine.py",
        """
        import json
        from pigear.contrib import HttpSendHandler
        class Print(HttpSendHandler):
            def send_event(self, url, **kwargs):
                print(url, sorted(kwargs), json.loads(kwargs['alert'])['sig_id'])
        """,
    )
    running = room.pigear("--data-handler", "mine.Print", "url=nowhere:", "--count", "1")
    room.send(PING)
    assert running.end() == (0, "nowhere: ['alert'] 1000134\n", "")


def test_a_server_that_refuses_is_an_error(httpbin):
    handler = HttpSendHandler(f"http://127.0.0.1:{httpbin}/status/500")
    with pytest.raises(OSError, match="500"):
        handler.handle(PING, None)
