"""Processes that faults kill and that start again."""

import signal
import subprocess
import time
from pathlib import Path


class Process:
    """A program that may be killed and started again, with the same command line."""

    def __init__(self, name: str, command: list[str], directory: Path):
        self.name = name
        self.command = command
        self.log = directory / f"{name}.log"
        self.kills = 0
        self.child: subprocess.Popen | None = None

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def start(self) -> None:
        if self.child is None:
            with self.log.open("ab") as log:
                self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None
            self.kills += 1

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that takes too long."""
        if self.child is None:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None


def wait_until(what: str, is_true, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
