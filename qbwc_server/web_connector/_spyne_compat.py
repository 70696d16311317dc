"""Makes spyne 2.14, the newest there is, import on today's Python. Import it first.

Its own copy of six predates Python 3.12 and does not import there, so the real six
takes its place; the one function that the real one lacks is added. Its DEBUG lines at
import and its `gc.collect()` after calls (31 ms with many live objects) are turned off.
"""

from __future__ import annotations

import logging
import sys
import warnings

import six
import six.moves

logging.getLogger("spyne").setLevel(logging.WARNING)

if not hasattr(six, "get_function_name"):
    six.get_function_name = lambda function: function.__name__

sys.modules.setdefault("spyne.util.six", six)
sys.modules.setdefault("spyne.util.six.moves", six.moves)
for _name in (
    "collections_abc",
    "http_cookies",
    "urllib",
    "urllib.parse",
    "urllib.request",
    "urllib.error",
):
    __import__(f"six.moves.{_name}")
    sys.modules.setdefault(
        f"spyne.util.six.moves.{_name}", sys.modules[f"six.moves.{_name}"]
    )

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports cgi, and has invalid escapes
    import spyne.const
    import spyne.protocol.soap
    import spyne.server.wsgi

spyne.const.MIN_GC_INTERVAL = float("inf")
