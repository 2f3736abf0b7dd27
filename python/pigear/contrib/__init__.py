"""Data handlers that do something with alerts: post them, or show them in IPython."""

from .http_sender import HttpSendHandler
from .ipython_handler import IPythonDataHandler

__all__ = ["HttpSendHandler", "IPythonDataHandler"]
