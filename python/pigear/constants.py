"""The layout of the datagram that Snort 2.9 and 3 send, for ``struct``.

What other Snorts send is laid out differently; :func:`pigear.decode` knows them all. Each constant is
a C structure of Snort's: pairs of a field's name and its format.
"""

from typing import Tuple

ALERTMSG_LENGTH = 256
"""Bytes of the message, with the NUL at its end."""

PKT_LENGTH = 65535
"""Bytes of the room for the packet."""


def _numbers(*names: str) -> Tuple[Tuple[str, str], ...]:
    return tuple((name, "I") for name in names)


STRUCT_SF_TIMEVAL32 = _numbers("tv_sec", "tv_usec")
"""A time: seconds since 1970, and microseconds."""

STRUCT_PCAP_PKTHDR32 = _numbers("ts_sec", "ts_usec", "caplen", "pktlen")
"""What stands before a captured packet."""

STRUCT_EVENT = (
    _numbers(
        "sig_generator",
        "sig_id",
        "sig_rev",
        "classification",
        "priority",
        "event_id",
        "event_reference",
    )
    + STRUCT_SF_TIMEVAL32
)
"""Which rule raised the alert, and when."""

STRUCT_ALERTPKT = (
    (("msg", f"{ALERTMSG_LENGTH}s"),)
    + STRUCT_PCAP_PKTHDR32
    + _numbers("dlthdr", "nethdr", "transhdr", "data", "val")
    + (("pkt", f"{PKT_LENGTH}s"),)
    + STRUCT_EVENT
)
"""The whole datagram."""
