"""The command line: ``python -m pigear``."""

import os
import sys
from typing import List, NoReturn, Optional

from . import _pigear


def run(words: Optional[List[str]] = None) -> int:
    """Runs a command line, given without the program's name, and returns its status."""
    try:
        return _pigear.main(sys.argv[1:] if words is None else words)
    except KeyboardInterrupt:
        return 130


def _open_standard_files() -> None:
    """Opens ``/dev/null`` for standard files that are closed, so that no other file gets their numbers."""
    null = os.open(os.devnull, os.O_RDWR)
    while null <= 2:
        os.set_inheritable(null, True)
        null = os.open(os.devnull, os.O_RDWR)
    os.close(null)


def main() -> NoReturn:
    """The program ``pigear``. Classes in the current directory are found, as with ``-m``."""
    _open_standard_files()
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    sys.exit(run())


if __name__ == "__main__":
    main()
