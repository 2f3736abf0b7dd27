#!/usr/bin/env python3
"""Blocks the source of an alert for ten minutes, with nftables. See exec-block.md.

Run by Pigear with an alert as JSON on standard input. The argument is the allow list: a file with
an address or network a line.
"""

import ipaddress
import json
import subprocess
import sys


def allowed(path):
    with open(path) as lines:
        words = (line.split("#")[0].strip() for line in lines)
        return [ipaddress.ip_network(word) for word in words if word]


def to_block(alert, allow_list):
    """The address to block, or None."""
    # A priority that isn't known is not there. A source is known for sure only where there is a
    # connection, and an event only where it can't be forged.
    if alert.get("priority") != 1 or alert.get("proto") != "TCP" or alert.get("untrusted"):
        return None
    if "src_ip" not in alert:
        return None
    # Nothing but an address gets through this.
    address = ipaddress.ip_address(alert["src_ip"])
    if any(address in network for network in allow_list):
        return None
    return address


def main():
    address = to_block(json.load(sys.stdin), allowed(sys.argv[1]))
    if address is None:
        return
    element = f"inet pigear blocked{address.version} {{ {address} timeout 10m }}"
    subprocess.run(["nft", f"add element {element}"], check=True)
    print(f"blocked {address} for ten minutes")


main()
