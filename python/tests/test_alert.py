"""Alerts, and what Python sees of them."""

import datetime
import json

import pytest

import pigear
from conftest import DATA, PING, SNORT3, recorded


@pytest.mark.parametrize("build", ["v2919", "v3122"])
def test_fields_are_what_snort_itself_logged(build):
    lines = (DATA / build / "demo.expected.jsonl").read_text().splitlines()
    expected = [json.loads(line) for line in lines]
    alerts = [pigear.decode(datagram) for datagram in recorded(f"{build}/demo.dgrams.gz")]
    assert len(alerts) == len(expected) > 60
    for alert, logged in zip(alerts, expected):
        ids = (alert.sig_generator, alert.sig_id, alert.sig_rev)
        if not alert.untrusted:
            assert ids == (logged["gid"], logged["sid"], logged["rev"])
            assert alert.priority == logged["priority"]


def test_what_is_known_of_an_alert_has_types_that_python_expects():
    alert = pigear.decode(PING)
    assert (alert.msg, alert.msg_bytes) == ("ICMP Echo Request", b"ICMP Echo Request")
    assert (alert.proto, alert.src_port, alert.vlan, alert.references) == ("ICMP", None, [], [])
    assert alert.timestamp.tzinfo is datetime.timezone.utc
    assert alert.timestamp.timestamp() == pytest.approx(alert.ts_sec + alert.ts_usec / 1e6)
    assert abs(alert.received - datetime.datetime.now(datetime.timezone.utc)).seconds < 60
    assert (alert.dialect, alert.untrusted, alert.sender, alert.socket) == (
        "snort2.9",
        False,
        None,
        None,
    )


def test_an_alert_as_a_dictionary_is_the_json_object():
    alert = pigear.decode(PING)
    known = alert.to_dict()
    assert list(known)[:20] == list(pigear.AlertMessage._fields)
    for name in ["msg", "sig_id", "priority", "src_ip", "dst_ip", "proto", "dialect"]:
        assert known[name] == getattr(alert, name)


def test_formats_are_those_of_the_program():
    alert = pigear.decode(PING)
    assert json.loads(alert.to_json("eve"))["event_type"] == "alert"
    assert "ecs" in json.loads(alert.to_json("ecs"))
    assert alert.to_text("cef").startswith("CEF:")
    assert str(alert) == alert.to_text() and "[1:" in str(alert)
    with pytest.raises(ValueError, match="fast is not JSON"):
        alert.to_json("fast")
    with pytest.raises(ValueError, match='unknown format "xml"'):
        alert.to_text("xml")


def test_layers_are_the_packets_headers():
    layers = pigear.decode(PING).layers
    assert [layer.name for layer in layers] == ["Ethernet", "IPv4", "ICMP"]
    ethernet, ip, icmp = layers
    assert (ethernet.start, ethernet.end, ip.start) == (0, 14, 14)
    assert ip.fields["source"] == pigear.decode(PING).src_ip
    assert icmp.fields["type"] == 8


def test_every_protocol_that_was_recorded_has_fields():
    names = {}
    for path in sorted(DATA.glob("v*/*/alerts.dgrams.gz")):
        for datagram in recorded(path.relative_to(DATA)):
            for layer in pigear.decode(datagram).layers:
                names[layer.name] = layer.fields
    assert {"VLAN", "MPLS", "GRE", "SCTP", "ARP", "IPv6", "UDP", "TCP"} <= set(names)
    assert all(names.values())


def test_a_datagram_that_is_no_alert_is_refused():
    with pytest.raises(pigear.DecodeError, match="datagram has 4 bytes") as raised:
        pigear.decode(b"what")
    assert isinstance(raised.value, ValueError)
    with pytest.raises(pigear.DecodeError, match="not terminated within 256"):
        pigear.decode(b"\xff" * 65864)
    with pytest.raises(TypeError):
        pigear.decode("text")


def test_a_dialect_can_be_forced():
    assert pigear.decode(bytearray(PING), dialect="snort3").dialect == "snort3"
    with pytest.raises(pigear.DecodeError, match="barnyard2 has 1856"):
        pigear.decode(PING, dialect="barnyard2")
    with pytest.raises(ValueError, match="unknown dialect"):
        pigear.decode(PING, dialect="snort4")
    assert pigear.decode(PING, linktype="ethernet").src_ip == pigear.decode(PING).src_ip


def test_control_characters_of_an_alert_are_escaped_where_it_is_shown():
    forged = b"\x1b[2Jevil".ljust(256, b"\0") + PING[256:]
    alert = pigear.decode(forged)
    assert alert.msg == "\x1b[2Jevil"
    assert "\x1b" not in str(alert) + repr(alert) + alert.to_json()


def test_snort_3_is_understood():
    dialects = {pigear.decode(datagram).dialect for datagram in SNORT3}
    assert dialects == {"snort3"}
