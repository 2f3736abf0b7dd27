"""A loop over alerts."""

import asyncio
import atexit
import json
import operator
import os
import weakref
from typing import Any, Callable, Dict, Iterable, List, Optional, Union

from . import _pigear
from ._pigear import Alert

_Path = Union[str, "os.PathLike[str]"]


class Listener(_pigear.Alerts):
    """Alerts as they come; :func:`listen` makes one.

    An iterator, an asynchronous iterator, and a context manager that removes the socket at its end.
    """

    @property
    def stats(self) -> Dict[str, Any]:
        """The counters, as ``--stats`` writes them: ``received``, ``malformed``, ``refused``,
        ``missed``, and under ``handlers``, ``listen``: ``handled``, ``dropped``, ``failed``."""
        counters: Dict[str, Any] = json.loads(self._stats())
        return counters

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> "Listener":
        return self

    async def __anext__(self) -> Alert:
        while True:
            try:
                alert = self._poll()
            except StopIteration:
                raise StopAsyncIteration from None
            if alert is not None:
                return alert
            await _readable(self.fileno())

    async def __aenter__(self) -> "Listener":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def set_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    # A loop knows one reader of each descriptor, but several tasks may wait for the same listener.
    own = os.dup(fd)
    try:
        loop.add_reader(own, set_ready)
        try:
            await ready
        finally:
            loop.remove_reader(own)
    finally:
        os.close(own)


def listen(
    logdir: Optional[_Path] = None,
    *,
    path: Optional[_Path] = None,
    recording: Optional[_Path] = None,
    unified2: Optional[_Path] = None,
    filter: Union[str, Callable[[Alert], object], None] = None,
    count: Optional[int] = None,
    serve_forever: bool = True,
    snort_conf: Optional[_Path] = None,
    socket_mode: Optional[int] = None,
    socket_group: Optional[str] = None,
    allow_uid: Iterable[Union[int, str]] = (),
    instances: Union[int, str, None] = None,
    dialect: Optional[str] = None,
    linktype: Optional[str] = None,
    sensor: Optional[str] = None,
    complete_from: Optional[_Path] = None,
    complete_wait: Optional[str] = None,
    bookmark: Optional[_Path] = None,
    from_start: bool = False,
    once: bool = False,
    class_config: Optional[_Path] = None,
    reference_config: Optional[_Path] = None,
    sid_msg_map: Union[_Path, Iterable[_Path], None] = None,
    gen_msg_map: Optional[_Path] = None,
    queue: Optional[int] = None,
    queue_bytes: Union[int, str, None] = None,
    when_full: Optional[str] = None,
) -> Listener:
    """Opens Snort's alert socket, and gives each alert as it comes.

    >>> from pigear.examples import RECORDING
    >>> with listen(recording=RECORDING, filter=lambda alert: 800 in alert.vlan) as alerts:
    ...     for alert in alerts:
    ...         print(alert.msg)
    POLICY traffic inside provider VLAN
    ICMP Echo Request

    The socket is ``snort_alert`` in ``logdir``, or ``path``. Instead of listening, ``recording`` is
    played, or Snort's log ``unified2`` is read, and followed unless ``once``. ``filter`` leaves out
    alerts: an expression of the language of ``--filter``, or a function, for which those are left
    out where it returns something false. The loop ends after ``count`` alerts, or when
    :meth:`Listener.close` is called. With ``serve_forever``, datagrams that are no alerts are
    counted and passed over, else the first raises :class:`DecodeError`. The other arguments are
    those of the command line, and those of a handler in the configuration file (``queue``,
    ``queue_bytes``, ``when_full``).

    Raises :class:`OSError` (``PermissionError``, ``FileNotFoundError``, ``FileExistsError``) if the
    socket can't be bound or a file can't be read, and :class:`ValueError` if the arguments make no
    sense.
    """
    if not (filter is None or isinstance(filter, str) or callable(filter)):
        raise TypeError(f"filter: an expression or a function is needed, not {filter!r}")
    if isinstance(allow_uid, str):
        raise TypeError(f"allow_uid: a list is needed, such as [{allow_uid!r}]")
    where = {"unix": path, "play": recording, "unified2": unified2}
    given = {kind: place for kind, place in where.items() if place is not None}
    if len(given) > 1:
        raise ValueError("give only one of path, recording and unified2")
    kind, place = next(iter(given.items()), ("unix", None))
    source = {
        "type": kind,
        "logdir": _text(logdir),
        "from": _text(place),
        "snort_conf": _text(snort_conf),
        "socket_mode": None if socket_mode is None else format(operator.index(socket_mode), "o"),
        "socket_group": socket_group,
        "allow_uid": [str(user) for user in allow_uid],
        "instances": None if instances is None else str(instances),
        "dialect": dialect,
        "linktype": linktype,
        "sensor": sensor,
        "complete_from": _text(complete_from),
        "complete_wait": complete_wait,
        "bookmark": _text(bookmark),
        "from_start": from_start,
        "once": once,
    }
    names = {
        "class_config": _text(class_config),
        "reference_config": _text(reference_config),
        "sid_msg_map": _texts(sid_msg_map),
        "gen_msg_map": _text(gen_msg_map),
    }
    options = {
        "source": _known(source),
        "names": _known(names),
        "count": count,
        "filter": filter if isinstance(filter, str) else None,
        "serve_forever": serve_forever,
        "queue": queue,
        "queue_bytes": queue_bytes,
        "when_full": when_full,
    }
    listener = Listener(json.dumps(_known(options)), None if isinstance(filter, str) else filter)
    _open.add(listener)
    return listener


def _text(path: Optional[_Path]) -> Optional[str]:
    if path is None:
        return None
    text = os.fsdecode(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} is not UTF-8, as paths must be here") from None
    return text


def _texts(paths: Union[_Path, Iterable[_Path], None]) -> Optional[List[Optional[str]]]:
    if paths is None:
        return None
    if isinstance(paths, (str, os.PathLike)):
        return [_text(paths)]
    return [_text(path) for path in paths]


def _known(options: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


# A program that ends without closing still removes its socket.
_open: "weakref.WeakSet[Listener]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for listener in list(_open):
        listener.close()
