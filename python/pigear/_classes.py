"""Classes that the command line names by their dotted paths."""

import importlib
import inspect
import logging
import signal
import sys
from typing import Any, Callable, Dict, Optional, Tuple

from . import _pigear
from ._handler import Handler

_logger = logging.getLogger("pigear")

Dirs = Tuple[Optional[str], Optional[str]]


def find(path: str) -> type:
    """The class of this path. Raises ``Absent`` if there is none; what a module raises when it
    is imported is logged and goes on its way."""
    module_name, _, name = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")):
        raise _pigear.Absent("a class is named by a dotted path, such as my_module.MyClass")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            _logger.exception("cannot import %s", module_name)
            raise
        raise _pigear.Absent(f"there is no module {error.name!r}") from None
    except Exception:
        _logger.exception("cannot import %s", module_name)
        raise
    try:
        found = getattr(module, name)
    except AttributeError:
        raise _pigear.Absent(f"the module {module_name!r} has no {name!r}") from None
    if not inspect.isclass(found):
        raise _pigear.Absent(f"{name!r} is no class, but {type(found).__name__}")
    return found


def construct(cls: Callable[..., Any], kwargs: Dict[str, Any]) -> Any:
    """An object of a data handler's class. If that fails, the log says why."""
    try:
        return cls(**kwargs)
    except TypeError:
        _logger.exception(
            "the data handler could not be made: its class may not accept these keyword arguments; "
            "kwargs=%s, class=%s",
            kwargs,
            cls,
        )
        raise
    except Exception:
        _logger.exception("the data handler could not be made: class=%s", cls)
        raise


def data_handler(path: str, kwargs: Dict[str, Any]) -> Any:
    """The data handler of this path, ready to be called."""
    return construct(find(path), kwargs)


def methods(handler: Any) -> Tuple[Any, Any, bool, bool, Optional[int]]:
    """What to call of a data handler: its methods ``handle`` and ``finish``, whether somebody works
    with it, whether the first takes an alert instead of a datagram, and how many bytes of the
    datagram at most."""
    handle = getattr(handler, "handle", None)
    if not callable(handle):
        raise _pigear.Absent("the class has no method 'handle'")
    attended = getattr(handler, "attended", False) is True
    if isinstance(handler, Handler):
        return handle, handler.finish, attended, True, None
    return handle, None, attended, False, most(handler)


def most(handler: Any) -> Optional[int]:
    """How many bytes of a datagram a handler of 2012 gets: all of them, unless it has a size of its
    own to receive."""
    from .core import DataHandler

    size = getattr(handler, "msg_size", None)
    return size if isinstance(size, int) and size != DataHandler.msg_size else None


def serve(
    socket_handler: str,
    data_handler: str,
    rest: Tuple[Optional[str], Optional[str], Dict[str, Any], bool],
) -> None:
    """As Pigear of 2012 ran: a socket handler with its data handler, both classes."""
    logdir, snort_conf, kwargs, forever = rest
    cls, data_cls = _named("socket", socket_handler), _named("data", data_handler)
    # Whoever stops us has the socket removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    _serve(cls, data_cls, (logdir, snort_conf), kwargs, forever)


def _named(what: str, path: str) -> type:
    try:
        return find(path)
    except _pigear.Absent as error:
        raise _pigear.Absent(f"{what} handler {path}: {error}") from None


def feed(cls: type, feed: _pigear.Feed, dirs: Dirs) -> None:
    """Has a socket handler serve what goes to several data handlers, or to native ones."""
    _serve(cls, feed, dirs, None, True)


def _serve(
    cls: Callable[..., Any],
    data_handler: Any,
    dirs: Dirs,
    kwargs: Optional[Dict[str, Any]],
    forever: bool,
) -> None:
    logdir, snort_conf = dirs
    # Socket handlers of one's own need not know of Snort's configuration.
    more = {} if snort_conf is None else {"snort_conf": snort_conf}
    handler = cls(logdir=logdir, data_handler=data_handler, kwargs=kwargs, **more)
    handler.serve(forever=forever)
