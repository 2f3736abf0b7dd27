"""The package itself: its types, and the examples in its documentation."""

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

import pigear

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(pigear.__path__, "pigear.")
    if not module.name.endswith((".__main__", "._pigear"))
)
TYPED = """
import asyncio
from typing import Optional

import pigear
from pigear.core import DataHandler, SocketHandler


class Mine(pigear.Handler):
    def handle(self, alert: pigear.Alert) -> None:
        port: Optional[int] = alert.src_port
        print(port, alert.timestamp.isoformat(), alert.message.sig_id, alert.msg.upper())


class Old(DataHandler):
    def handle(self, data: bytes, addr: object) -> object:
        return super().handle(data, addr)


async def loop() -> None:
    async with pigear.listen("log", filter=lambda alert: alert.priority < 3) as alerts:
        async for alert in alerts:
            print(alert.to_dict()["msg"], alerts.stats["received"])


def serve() -> None:
    SocketHandler(logdir="log", data_handler=Old).serve(forever=False)
    for alert in pigear.listen(path="x", count=1):
        print([layer.fields for layer in alert.layers])
    asyncio.run(loop())
"""


def run(*words, cwd):
    env = {**os.environ, "MYPYPATH": ""}
    done = subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["pigear", *MODULES])
def test_examples_in_docstrings_are_right(name):
    module = importlib.import_module(name)
    assert module.__doc__
    flags = doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=flags).failed == 0


def test_the_python_of_the_package_is_typed_strictly(tmp_path):
    run("mypy", "--strict", "--cache-dir", "cache", "-p", "pigear", cwd=tmp_path)


def test_stubs_are_what_is_there(tmp_path):
    # That a class can't be combined with others isn't said in stubs before Python 3.15.
    run("mypy.stubtest", "pigear", "--ignore-disjoint-bases", cwd=tmp_path)


def test_what_users_write_is_typed(tmp_path):
    (tmp_path / "mine.py").write_text(TYPED)
    run("mypy", "--strict", "--cache-dir", "cache", "mine.py", cwd=tmp_path)


def test_everything_public_says_what_it_is():
    for name in pigear.__all__:
        thing = getattr(pigear, name)
        assert thing.__doc__, name
        for member, value in vars(thing).items() if isinstance(thing, type) else []:
            if not member.startswith("_") and member not in pigear.AlertMessage._fields:
                assert value.__doc__, f"{name}.{member}"
