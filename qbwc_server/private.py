"""Files and folders that hold data: for the user who runs this program alone.

A file is 0600 and a folder that we make 0700. A folder that was there is left as it is:
whoever made it may have meant it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_OTHERS = 0o077


def folder(path: Path) -> None:
    """Make a folder, unless it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def write(path: Path, content: bytes) -> None:
    """Write a file anew."""
    close(path, make=True)
    path.write_bytes(content)


def close(path: Path, *, make: bool = False) -> None:
    """Close a file to everybody else; with `make`, one that is not there is made.

    One that is somebody else's is left as it is. What cannot be made is an error of who
    opens it next, who says it better.
    """
    if make:
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with contextlib.suppress(FileNotFoundError, PermissionError):
        if path.stat().st_mode & _OTHERS and path.is_file():
            path.chmod(0o600)
