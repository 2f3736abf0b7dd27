"""What the Python program's HttpSendHandler did with an alert: a form with its JSON, posted.

as_in_2012.py URL COUNT; prints the seconds that took
"""

import base64
import json
import sys
import time

import requests

ALERT = {
    "msg": "ICMP Echo Request", "ts_sec": 1750010800, "ts_usec": 999998, "caplen": 300,
    "pktlen": 300, "dlthdr": 0, "nethdr": 14, "transhdr": 34, "data": 42, "val": 0,
    "pkt": base64.b64encode(bytes(range(250)) + bytes(50)).decode(), "sig_generator": 1,
    "sig_id": 1000134, "sig_rev": 1, "classification": 0, "priority": 3, "event_id": 1,
    "event_reference": 1, "tv_sec": 1750010800, "tv_usec": 999998,
}

url, count = sys.argv[1], int(sys.argv[2])
begin = time.perf_counter()
for n in range(count):
    requests.post(url, data={"alert": json.dumps(dict(ALERT, event_id=n))}).raise_for_status()
print(time.perf_counter() - begin)
