"""A shell on every alert."""

import sys
from typing import Any

from ..core import DataHandler

_RULE = 82 * "#"


class IPythonDataHandler(DataHandler):
    """Opens IPython on each alert, with the alert as ``msg``.

    Alerts keep being received meanwhile, and wait; leaving the shell (Ctrl-D, ``exit``) goes on to
    the next.
    """

    attended = True
    """Somebody works with it: with ``--count``, the last alerts have as long as it takes."""

    def __init__(self) -> None:
        try:
            import IPython
        except ImportError as error:
            problem = f"{error}; IPython is needed for this: pip install ipython"
            raise ImportError(problem) from None
        self.embed = IPython.embed
        sys.stdout.write(
            f"{_RULE}\n"
            "Waiting for alerts. Each opens an IPython shell, in which it is called ``msg``:\n"
            "``msg.`` and TAB shows its fields, ``msg.alert`` has what is known besides.\n"
            "Leave the shell (Ctrl-D) to go on to the next alert.\n"
            f"{_RULE}\n\n"
        )
        sys.stdout.flush()

    def handle(self, data: bytes, addr: object) -> Any:
        """Shows an alert in a shell."""
        msg = super().handle(data, addr)
        # The shell sees this function's names.
        self.embed()
        return msg
