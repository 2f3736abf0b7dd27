"""The socket handler and the data handler, with the interface that they have had since 2012.

Classes that derive from these run unchanged. New code has it easier with :func:`pigear.listen` and
:class:`pigear.Handler`.
"""

import inspect
import logging
import os
import socket as socketlib
import struct
import threading
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import _classes, _pigear
from .constants import ALERTMSG_LENGTH, STRUCT_ALERTPKT

_logger = logging.getLogger("pigear.core")

_NAMES = [name for name, _ in STRUCT_ALERTPKT]
_FORMAT = "".join(form for _, form in STRUCT_ALERTPKT)

class _Fields(NamedTuple):
    msg: str
    ts_sec: int
    ts_usec: int
    caplen: int
    pktlen: int
    dlthdr: int
    nethdr: int
    transhdr: int
    data: int
    val: int
    pkt: bytes
    sig_generator: int
    sig_id: int
    sig_rev: int
    classification: int
    priority: int
    event_id: int
    event_reference: int
    tv_sec: int
    tv_usec: int

# A socket that is received from wakes so often to see whether it should stop: seconds, microseconds.
_GLANCE = (0, 100_000)


# How many bytes of a packet are shown.
_SHOWN = 16

# How often to check that a socket is still at its path: seconds.
_PATH_CHECK = 1.0


class AlertMessage(_Fields):
    """What Snort said: a named tuple with the fields of its datagram.

    ``msg`` is text. ``pkt`` is the packet; in handlers of 2012's kind the whole room that the
    datagram has for it, with zeros behind the packet's ``caplen`` bytes.

    >>> from pigear.examples import DATAGRAM
    >>> message = DataHandler().handle(DATAGRAM, None)
    >>> message.msg, message.priority, len(message), len(message.pkt)
    ('SCAN inventory probe user agent', 3, 20, 65535)
    >>> message.alert.dst_ip
    '198.51.100.20'
    """

    @classmethod
    def _of(cls, alert: _pigear.Alert, whole: bool = False) -> "AlertMessage":
        """The message of an alert; with ``whole``, ``pkt`` is as long as its room."""
        message = cls._make(alert._values(whole))
        message.__dict__["_alert"] = alert
        return message

    @property
    def alert(self) -> _pigear.Alert:
        """What is known besides: addresses, the packet's layers, class, references."""
        known = self.__dict__.get("_alert")
        if known is None:
            # From another process, or made by hand.
            values: List[Any] = [_fitting(self.msg), *self[1:]]
            known = self.__dict__["_alert"] = _pigear.decode(struct.pack(_FORMAT, *values))
        return known

    def to_dict(self) -> Dict[str, Any]:
        """The alert as a dictionary: the JSON object."""
        return self.alert.to_dict()

    def to_json(self, format: str = "json") -> str:
        """The alert as JSON: ``json``, ``eve``, ``ecs`` or ``ocsf``."""
        return self.alert.to_json(format)

    def __repr__(self) -> str:
        fields = (f"{name}={value}" for name, value in self._shown())
        return f"AlertMessage({', '.join(fields)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython shows a line for each field."""
        printer.text("AlertMessage")
        for name, value in self._shown():
            printer.text(f"\n  {name:<16} {value}")

    def _shown(self) -> Iterator[Tuple[str, str]]:
        """The fields as they are shown: of the packet, only how long it is and how it begins."""
        for name, value in zip(self._fields, self):
            if name == "pkt":
                packet = self.pkt[: self.caplen]
                more = " …" if len(packet) > _SHOWN else ""
                begin = f": {packet[:_SHOWN].hex(' ')}" if packet else ""
                yield name, f"<{len(packet)} bytes{begin}{more}>"
            else:
                yield name, repr(value)

    def __getstate__(self) -> None:
        # The fields say it all; the alert is made of them again.
        return None


def _fitting(msg: str) -> bytes:
    """A message as it fits into its room, with the NUL at its end."""
    return msg.encode()[: ALERTMSG_LENGTH - 1].decode(errors="ignore").encode()


class DataHandler:
    """What is done with an alert: here, it is decoded, and logged at the level of debugging."""

    _fmt = _FORMAT
    _names = _NAMES
    msg_size = struct.calcsize(_FORMAT)
    AlertMessage: Any = AlertMessage

    def handle(self, data: bytes, addr: object) -> Any:
        """Decodes a datagram, whichever Snort sent it, and returns its :class:`AlertMessage`."""
        alert = _pigear.decode(data)
        make = getattr(self.AlertMessage, "_of", None)
        # A class of one's own may be any named tuple.
        message = make(alert, True) if make else self.AlertMessage._make(alert._values(True))
        if _logger.isEnabledFor(logging.DEBUG):
            fields = [f"{name}: {value}" for name, value in zip(_NAMES, message) if name != "pkt"]
            _logger.debug("\n%s", "\n".join(fields))
        return message


class SocketHandler:
    """Opens Snort's alert socket, and has a data handler deal with what comes.

    ``data_handler`` is an object, or a class, which is then called with ``kwargs``. Without
    ``logdir``, Snort's configuration says where it logs.
    """

    _socket: socketlib.socket
    _binding: _pigear.Binding

    def __init__(
        self,
        logdir: Optional[str] = None,
        snort_conf: Optional[str] = None,
        data_handler: Any = None,
        kwargs: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.defaults: Dict[str, str] = {
            "logdir": "/var/log/snort/",
            "unixsock_filename": "snort_alert",
            "snort_conf": "/etc/snort/snort.conf",
        }
        self.logdir: str = logdir or self.get_logdir(snort_conf or self.defaults["snort_conf"])
        self.unixsock_fullpath = os.path.join(self.logdir, self.defaults["unixsock_filename"])
        self.data_handler: Any = DataHandler if data_handler is None else data_handler
        if inspect.isclass(self.data_handler):
            self.data_handler = _classes.construct(self.data_handler, kwargs or {})

    def get_socket(self) -> socketlib.socket:
        """A socket that isn't bound yet."""
        return socketlib.socket(socketlib.AF_UNIX, socketlib.SOCK_DGRAM)

    def bind_socket(self, socket: socketlib.socket) -> None:
        """Binds the socket in the log directory.

        What is there is only replaced if it is a socket on which nobody listens. The socket is
        removed again when this handler goes away.
        """
        if (socket.family, socket.type) != (socketlib.AF_UNIX, socketlib.SOCK_DGRAM):
            socket.bind(self.unixsock_fullpath)
            return
        self._binding = _pigear.Binding(self.unixsock_fullpath)
        os.dup2(self._binding.fileno(), socket.fileno(), inheritable=False)

    @property
    def socket(self) -> socketlib.socket:
        """The bound socket, opened when it is first asked for."""
        try:
            return self._socket
        except AttributeError:
            pass
        self._socket = self.get_socket()
        try:
            self.bind_socket(self._socket)
        except OSError:
            self._socket.close()
            del self._socket
            raise
        return self._socket

    def serve(self, forever: bool = True) -> None:
        """Hands each datagram to the data handler, in the thread that calls this.

        They are received on a thread of their own, and wait in a queue while the data handler is
        busy. With ``forever``, what it raises is logged, and the next datagram is handled. At the
        end the socket is closed and removed.
        """
        try:
            with _Receiving(self) as receive:
                while True:
                    self._serve_one(receive, forever)
        finally:
            self._close()

    def _close(self) -> None:
        # Both, since they are one socket: while any of them is open, Snort waits for a reader.
        bound: Optional[socketlib.socket] = self.__dict__.pop("_socket", None)
        if bound is not None:
            bound.close()
        self.__dict__.pop("_binding", None)

    def _serve_one(self, receive: Any, forever: bool) -> None:
        data, addr = receive()
        try:
            self.data_handler.handle(data, addr)
        except Exception:
            if not forever:
                raise
            _logger.exception("the data handler raised an exception")

    def get_logdir(self, snort_conf: Optional[str] = None) -> str:
        """Where Snort logs: as its configuration says, else in the usual place."""
        path = snort_conf or self.defaults["snort_conf"]
        try:
            found = self.logdir_from_snort_conf(path)
        except FileNotFoundError:
            # Only a file that was named must be there.
            if path != self.defaults["snort_conf"]:
                raise
            found = None
        return found or self.defaults["logdir"]

    @staticmethod
    def logdir_from_snort_conf(snort_conf: str) -> Optional[str]:
        """The log directory that a configuration of Snort 2's names, if it does."""
        with open(snort_conf, errors="replace") as file:
            return _pigear.logdir_of(file.read())


class _Receiving:
    """What ``serve`` receives with: a context that gives a function."""

    def __init__(self, handler: SocketHandler) -> None:
        self._socket = handler.socket
        size = int(getattr(handler.data_handler, "msg_size", DataHandler.msg_size))
        own = _classes.most(handler.data_handler)
        # Those of other Snorts may be longer.
        self._size = size if own is not None else max(size, _pigear.Feed.msg_size)
        self._logdir = handler.logdir if hasattr(handler, "_binding") else None
        self._watch = _PathWatch(getattr(handler, "unixsock_fullpath", None), self._socket)

    def __enter__(self) -> Any:
        if self._socket.family != socketlib.AF_UNIX:
            return lambda: self._socket.recvfrom(self._size)
        self._dup = self._socket.dup()
        self._dup.setblocking(True)
        glance = struct.pack("ll", *_GLANCE)
        self._dup.setsockopt(socketlib.SOL_SOCKET, socketlib.SO_RCVTIMEO, glance)
        self._receiver = _pigear.Receiver(self._dup.fileno(), self._size, self._logdir)
        self._watch.start()
        return self._receive

    def _receive(self) -> Tuple[bytes, None]:
        # Snort's sockets have no address.
        return self._receiver.receive(), None

    def __exit__(self, *_: object) -> None:
        self._watch.end()
        receiver = getattr(self, "_receiver", None)
        if receiver is not None:
            receiver.close()
            self._dup.close()
            if receiver.dropped or receiver.refused:
                _logger.warning("dropped %d, refused %d", receiver.dropped, receiver.refused)


class _PathWatch:
    """Logs an error if the socket is removed from its path, or replaced: then no alert arrives any more."""

    def __init__(self, path: Optional[str], socket: socketlib.socket) -> None:
        self._path = path
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pigear-path", daemon=True)
        # A class of one's own may have bound its socket elsewhere.
        self._is_at_path = socket.family == socketlib.AF_UNIX and socket.getsockname() == path
        # None if it is gone already.
        self._inode = self._inode_now()

    def start(self) -> None:
        if self._is_at_path:
            self._thread.start()

    def end(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        is_there = True
        while not self._ended.wait(_PATH_CHECK):
            found = self._inode_now()
            was_there, is_there = is_there, found is not None and found == self._inode
            if was_there and not is_there:
                _logger.error(
                    "%s was removed or replaced, so no alerts arrive; restart Pigear", self._path
                )
            elif is_there and not was_there:
                _logger.warning("%s is back", self._path)

    def _inode_now(self) -> Optional[Tuple[int, int]]:
        try:
            found = os.lstat(self._path or "")
        except OSError:
            return None
        return found.st_dev, found.st_ino
