"""What the Python program of 2012 does with an alert: receive, unpack, print.

as_in_2012.py SOCKET COUNT
"""

import collections
import socket
import struct
import sys

AlertMessage = collections.namedtuple(
    "AlertMessage",
    "msg ts_sec ts_usec caplen pktlen dlthdr nethdr transhdr data val pkt sig_generator sig_id "
    "sig_rev classification priority event_id event_reference tv_sec tv_usec",
)
FORMAT = struct.Struct("256s9I65535sx9I")

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
for _ in range(int(sys.argv[2])):
    datagram = receiver.recv(FORMAT.size)
    alert = AlertMessage(*FORMAT.unpack(datagram))
    message = alert.msg.split(b"\0", 1)[0].decode("utf-8", "replace")
    print(f"[{alert.sig_generator}:{alert.sig_id}:{alert.sig_rev}] {message}")
