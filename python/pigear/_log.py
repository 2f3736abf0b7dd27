"""Python's log, as the command line sets it up."""

import logging
import re
from types import TracebackType
from typing import Optional

# What steers a terminal, or turns the direction of writing: parts of alerts are written by attackers.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class _Formatter(logging.Formatter):
    """``error: what happened``, as Pigear's own lines are, and safe on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.levelname.lower()}: {super().format(record)}"
        return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def start(debug: bool) -> None:
    """Logs to standard error: everything, or errors. A log that is there already stays."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, handlers=[handler])


def exception(name: str, error: BaseException, traceback: Optional[TracebackType]) -> None:
    """Logs what a handler raised, with its traceback."""
    raised = (type(error), error, traceback)
    logging.getLogger("pigear").error("handler %s raised an exception", name, exc_info=raised)
