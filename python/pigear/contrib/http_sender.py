"""Posting alerts to a web server."""

import base64
import json
import logging
import urllib.parse
import urllib.request
from typing import Any

from ..core import DataHandler

_logger = logging.getLogger("pigear.contrib.http_sender")

_TIMEOUT = 30
"""Seconds to wait for the server."""


class HttpSendHandler(DataHandler):
    """Posts each alert to a URL, as a form whose field ``alert`` is the alert in JSON.

    On the command line this name stands for the native handler ``http``, which does the same faster,
    and tries again until it is done. Derive from this class to send in another way.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def handle(self, data: bytes, addr: object) -> Any:
        """Decodes a datagram, and sends its fields; returns the message."""
        message = super().handle(data, addr)
        fields = message._asdict()
        fields["pkt"] = base64.b64encode(fields["pkt"][: fields["caplen"]]).decode()
        self.send_event(self.url, alert=json.dumps(fields))
        return message

    def send_event(self, url: str, **kwargs: str) -> None:
        """Posts a form with these fields. Raises ``OSError`` if the server doesn't take it."""
        form = urllib.parse.urlencode(kwargs).encode()
        with urllib.request.urlopen(url, form, timeout=_TIMEOUT) as answer:
            _logger.info("%s", answer.read().decode(errors="replace"))
