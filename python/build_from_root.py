"""Builds the package from the root of the repository: maturin's hooks, run in the directory of this file.

Compiling takes minutes, of which pip shows nothing. With a terminal, the number of compiled crates is shown on it.
"""

import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, TextIO

import maturin

Settings = Optional[Dict[str, Any]]

HERE = Path(__file__).resolve().parent
SHOW_EVERY = 1.0
"""Seconds between two lines of progress."""


def get_requires_for_build_wheel(config_settings: Settings = None) -> List[str]:
    with _working_directory():
        return maturin.get_requires_for_build_wheel(config_settings)


def get_requires_for_build_sdist(config_settings: Settings = None) -> List[str]:
    with _working_directory():
        return maturin.get_requires_for_build_sdist(config_settings)


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:
    directory = os.path.abspath(metadata_directory)
    with _working_directory():
        return maturin.prepare_metadata_for_build_wheel(directory, config_settings)


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    directory = os.path.abspath(wheel_directory)
    metadata = metadata_directory and os.path.abspath(metadata_directory)
    with _working_directory(), _progress():
        return maturin.build_wheel(directory, config_settings, metadata)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    directory = os.path.abspath(sdist_directory)
    with _working_directory():
        return maturin.build_sdist(directory, config_settings)


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    directory = os.path.abspath(wheel_directory)
    metadata = metadata_directory and os.path.abspath(metadata_directory)
    with _working_directory(), _progress():
        return maturin.build_editable(directory, config_settings, metadata)


@contextmanager
def _working_directory() -> Iterator[None]:
    before = os.getcwd()
    os.chdir(HERE)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _progress() -> Iterator[None]:
    """Shows on the terminal what cargo writes to standard error meanwhile, which pip keeps for itself."""
    try:
        terminal = open("/dev/tty", "w")
    except OSError:
        yield
        return
    kept = os.dup(2)
    readable, writable = os.pipe()
    os.dup2(writable, 2)
    os.close(writable)
    follower = threading.Thread(target=_follow, args=(readable, kept, terminal))
    follower.start()
    try:
        yield
    finally:
        # The last copy of the pipe's end: the follower reads to its end.
        os.dup2(kept, 2)
        follower.join()
        os.close(kept)
        terminal.close()


def _follow(readable: int, kept: int, terminal: TextIO) -> None:
    """Copies each line to where it belongs, and shows how many crates are compiled."""
    start = shown = time.monotonic()
    crates = 0
    # pip's spinner overwrites the last character, here a space.
    terminal.write("\n ")
    with open(readable, "rb") as lines:
        for line in lines:
            os.write(kept, line)
            words = line.split()
            if words[:1] != [b"Compiling"]:
                continue
            crates += 1
            now = time.monotonic()
            if now - shown >= SHOW_EVERY:
                shown = now
                name = b" ".join(words[1:2]).decode(errors="replace")
                terminal.write(f"\r  pigear: compiling Rust, crate {crates}, {now - start:.0f} s: {name}\x1b[K  ")
                terminal.flush()
    if crates:
        terminal.write(f"\r  pigear: compiled {crates} crates in {time.monotonic() - start:.0f} s\x1b[K\n  ")
        terminal.flush()
