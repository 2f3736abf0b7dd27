"""Opens the alert socket of Snort and gives you every alert.

=====================  =====================================================
you want               take
=====================  =====================================================
a loop over alerts     :func:`listen`, also with ``async for``
one alert              :func:`decode`
a class of yours       :class:`Handler`, with ``--data-handler mod.Class``
the classes of 2012    :mod:`pigear.core`, :mod:`pigear.contrib`
the command line       ``python -m pigear --help``
=====================  =====================================================

>>> import pigear
>>> from pigear.examples import DATAGRAM
>>> alert = pigear.decode(DATAGRAM)
>>> alert.msg, alert.priority, alert.src_ip, alert.proto, alert.dst_port
('SCAN inventory probe user agent', 3, '192.168.10.21', 'TCP', 80)
>>> alert.layers[-1]
<pigear.Layer TCP acknowledgment=9914401 destination_port=80 flags=24 header_len=20 \
sequence=274412 source_port=49160 urgent=0 window=29200>
"""

from ._handler import Handler
from ._listener import Listener, listen
from ._pigear import Alert, DecodeError, Layer, Quit, Sender, decode
from .core import AlertMessage

__all__ = [
    "Alert",
    "AlertMessage",
    "DecodeError",
    "Handler",
    "Layer",
    "Listener",
    "Quit",
    "Sender",
    "decode",
    "listen",
]
