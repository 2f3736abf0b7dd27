"""A shell on every alert."""

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
        self._shell = None
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
        if self._shell.quits:
            self._say_unexamined()
            raise _pigear.Quit
        if self._backlog is not None and not len(self._backlog) and not self._backlog.is_closed():
            self._say("waiting for the next alert; Ctrl-C ends")
        return msg

    def _make_shell(self) -> Any:
        """A shell whose namespace is a module's, so that functions typed in it see its variables."""
        from IPython.core.autocall import ExitAutocall
        from IPython.terminal.embed import InteractiveShellEmbed
        from IPython.terminal.ipapp import load_default_config

        # The user's own settings, as with `IPython.embed`.
        config = load_default_config()
        config.InteractiveShellEmbed = config.TerminalInteractiveShell
        shell = InteractiveShellEmbed(config=config, user_module=self._module, confirm_exit=False)

        class Quit(ExitAutocall):
            """Ends Pigear."""

            def __call__(self) -> None:
                shell.quits = True
                super().__call__()

        shell.user_ns["quit"] = Quit(shell)
        shell.user_ns_hidden["quit"] = shell.user_ns["quit"]
        # Once: it is shown before the first alert only.
        show_banner = shell.show_banner
        shell.show_banner = lambda *args: (show_banner(*args), setattr(shell, "display_banner", False))
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
