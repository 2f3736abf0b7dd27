"""The named tuple of 2012."""

import pickle

import pytest

import pigear
from conftest import DATA, PING, recorded
from pigear import constants, core
from pigear.examples import DATAGRAM

FIELDS = (
    "msg ts_sec ts_usec caplen pktlen dlthdr nethdr transhdr data val pkt sig_generator sig_id "
    "sig_rev classification priority event_id event_reference tv_sec tv_usec"
).split()


def test_a_message_is_a_named_tuple_with_the_fields_of_2012_in_their_order():
    message = core.DataHandler().handle(PING, None)
    assert list(message._fields) == FIELDS == core.DataHandler._names
    assert list(message._asdict()) == FIELDS
    assert isinstance(message, core.DataHandler.AlertMessage) and isinstance(message, tuple)
    assert message[0] == message.msg == "ICMP Echo Request"
    assert message[-8:-6] == (message.sig_id, message.sig_rev)
    assert message.index(message.msg) == 0
    assert message.count(message.msg) == 1
    assert message._replace(priority=9).priority == 9


def test_the_layout_is_that_of_2012():
    assert core.DataHandler.msg_size == 65864 == len(PING)
    assert [name for name, _ in constants.STRUCT_ALERTPKT] == FIELDS
    assert constants.STRUCT_EVENT[-2:] == constants.STRUCT_SF_TIMEVAL32


def test_the_packet_fills_its_room_only_in_handlers_of_2012s_kind():
    whole = core.DataHandler().handle(PING, None)
    message = pigear.decode(PING).message
    assert len(whole.pkt) == 65535
    assert whole.pkt[: whole.caplen] == message.pkt
    assert not whole.pkt[whole.caplen :].strip(b"\0")
    assert len(message.pkt) == message.caplen


def test_messages_are_equal_if_their_fields_are():
    handler = core.DataHandler()
    assert handler.handle(PING, None) == handler.handle(PING, None)
    assert pigear.decode(PING).message == pigear.decode(PING).message
    assert pigear.decode(PING).message != pigear.decode(PING).message._replace(sig_rev=99)
    assert hash(pigear.decode(PING).message) == hash(pigear.decode(PING).message)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_message_can_be_pickled(protocol):
    message = pigear.decode(PING).message
    other = pickle.loads(pickle.dumps(message, protocol))
    assert other == message and type(other) is pigear.AlertMessage
    assert other.alert.src_ip == message.alert.src_ip


def test_every_message_that_was_recorded_knows_addresses_and_layers_after_pickling():
    for path in sorted(DATA.glob("v*/*/alerts.dgrams.gz")):
        for datagram in recorded(path.relative_to(DATA)):
            alert = pigear.decode(datagram)
            other = pickle.loads(pickle.dumps(alert.message)).alert
            assert [repr(layer) for layer in other.layers] == [repr(layer) for layer in alert.layers]
            assert (other.src_ip, other.dst_port) == (alert.src_ip, alert.dst_port)


def test_a_message_knows_its_alert():
    message = pigear.decode(PING).message
    assert message.alert.proto == "ICMP"
    assert message.to_dict()["sig_id"] == message.sig_id
    assert '"event_type":"alert"' in message.to_json(format="eve")


def test_the_fields_but_the_packet_are_logged_for_debugging(caplog):
    with caplog.at_level("DEBUG"):
        message = core.DataHandler().handle(PING, None)
    assert f"sig_id: {message.sig_id}" in caplog.text
    assert "pkt:" not in caplog.text.replace("pktlen", "")


def test_a_handler_may_have_a_named_tuple_of_its_own():
    import collections

    class Own(core.DataHandler):
        AlertMessage = collections.namedtuple("Mine", core.DataHandler._names)

    assert type(Own().handle(PING, None)).__name__ == "Mine"


def test_a_message_is_shown_shortened():
    message = core.DataHandler().handle(DATAGRAM, None)
    shown = repr(message)
    assert shown.startswith("AlertMessage(msg='SCAN inventory probe user agent', ts_sec=1750000000, ")
    packet = "pkt=<183 bytes: 02 00 5e 10 00 14 02 00 5e 10 00 0a 08 00 45 00 …>"
    assert f", {packet}, sig_generator=1, " in shown
    assert str(message) == shown
    assert ", pkt=<0 bytes>, " in repr(message._replace(caplen=0))
