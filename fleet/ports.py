"""Ports for servers that can't be asked which port they got."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

# The system gives clients only ports above these.
FIRST, COUNT = 10_000, 20_000

# The files that say so.
taken = []


def free_port() -> int:
    """A port that no program has, and that no other test gets while this process lives.

    Each port has a file, which is locked.
    """
    directory = Path(tempfile.gettempdir()) / f"pigear-test-ports-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    for number in range(COUNT):
        port = FIRST + (os.getpid() * 97 + number) % COUNT
        file = (directory / str(port)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(type=kind) as probe:
                    if kind == socket.SOCK_STREAM:
                        # One that was closed a short while ago may be used again.
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            file.close()
        else:
            taken.append(file)
            return port
    raise OSError("no port is free")
