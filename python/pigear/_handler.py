"""What a data handler of one's own derives from."""

from ._pigear import Alert


class Handler:
    """A data handler: something that is told about every alert.

    Name it on the command line, ``--data-handler my_module.Class key=value``; the keys are its
    keyword arguments. All handlers are called on Python's main thread, one after the other (but on
    threads of their own where a socket handler of Python's has it), and may take as long as they
    like: alerts wait in a queue, and Snort doesn't wait at all.

    >>> class Count(Handler):
    ...     def __init__(self, start="0"):
    ...         self.n = int(start)
    ...     def handle(self, alert):
    ...         self.n += 1
    """

    attended = False
    """Whether somebody works with it, and so has as long as it takes once no more alerts come."""

    def handle(self, alert: Alert) -> object:
        """Deals with an alert. What it raises is logged, and counts the alert as failed."""
        raise NotImplementedError("a handler needs a method handle(self, alert)")

    def finish(self) -> object:
        """Finishes work in progress. Called once, after the last alert."""
