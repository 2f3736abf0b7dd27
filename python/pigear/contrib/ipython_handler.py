"""A shell on every alert."""

import importlib
import sys
import types
from typing import Any, Optional

from .. import _pigear
from ..core import DataHandler

_RULE = 82 * "#"
_BANNER = f"""\
{_RULE}
Waiting for alerts. Each opens an IPython shell, in which it is called ``msg``:
``msg.`` and TAB shows its fields, ``msg.alert`` has what is known besides.
``exit`` or Ctrl-D goes on to the next alert; ``quit`` ends Pigear.
{_RULE}

"""


class IPythonDataHandler(DataHandler):
    """Opens IPython on each alert, with the alert as ``msg``.

    Alerts keep being received meanwhile, and wait. ``exit`` (or Ctrl-D) goes on to the next, ``quit`` ends
    Pigear. Variables stay for the next alerts.
    """

    attended = True
    """Somebody works with it: with ``--count``, the last alerts have as long as it takes."""

    _backlog: Optional[_pigear.Backlog] = None

    def __init__(self) -> None:
        try:
            import IPython  # noqa: F401
        except ImportError as error:
            problem = f"{error}; IPython is needed for this: pip install ipython"
            raise ImportError(problem) from None
        self._shell: Any = None
        self._module = types.ModuleType("pigear_shell", "What is typed in the shell.")
        sys.stdout.write(_BANNER)
        sys.stdout.flush()

    def _watch(self, backlog: _pigear.Backlog) -> None:
        self._backlog = backlog

    def handle(self, data: bytes, addr: object) -> Any:
        """Shows an alert in a shell."""
        msg = super().handle(data, addr)
        if self._shell is None:
            self._shell = self._make_shell()
        self._say(self._headline(msg))
        self._module.__dict__["msg"] = msg
        self._shell.quits = False
        self._shell(module=self._module)
        # Python's banner is shown once.
        self._shell.display_banner = False
        if self._shell.quits:
            self._say_unexamined()
            raise _pigear.Quit
        if self._backlog is not None and not len(self._backlog) and not self._backlog.is_closed():
            self._say("waiting for the next alert; Ctrl-C ends")
        return msg

    def _make_shell(self) -> Any:
        """A shell whose namespace is a module's, so that functions typed in it see its variables."""
        embed: Any = importlib.import_module("IPython.terminal.embed")
        autocall: Any = importlib.import_module("IPython.core.autocall")
        ipapp: Any = importlib.import_module("IPython.terminal.ipapp")
        # The user's own settings, as with `IPython.embed`.
        config = ipapp.load_default_config()
        config.InteractiveShellEmbed = config.TerminalInteractiveShell
        shell = embed.InteractiveShellEmbed(
            config=config, user_module=self._module, confirm_exit=False
        )

        def quit_all(exit_shell: Any) -> None:
            shell.quits = True
            exit_shell._ip.ask_exit()

        kind = type("Quit", (autocall.ExitAutocall,), {"__call__": quit_all})
        shell.user_ns["quit"] = shell.user_ns_hidden["quit"] = kind(shell)
        return shell

    def _headline(self, msg: Any) -> str:
        alert = getattr(msg, "alert", None)
        line = str(alert) if alert is not None else msg.msg
        waiting = str(self._backlog) if self._backlog is not None else ""
        return f"{line}\n({waiting})" if waiting else line

    def _say_unexamined(self) -> None:
        waiting = str(self._backlog) if self._backlog is not None else ""
        if waiting and not waiting.startswith("up to"):
            number = waiting.split()[0]
            were = "alert was" if number == "1" else "alerts were"
            self._say(f"{number} more {were} not examined")

    @staticmethod
    def _say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
