"""A small disk that can be full."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PIECE = 64 * 1024


class Disk:
    """A folder on a memory file system of so many megabytes of its own.

    Where mounting is not permitted it is a plain folder that is never full.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "faults", str(folder)],
            check=False,
            capture_output=True,
        )
        self.is_small = done.returncode == 0
        folder.chmod(0o777)

    def fill(self) -> None:
        """Leave not a byte free.

        Raises:
            AssertionError: This is not a disk of its own.
        """
        assert self.is_small, "a plain folder is never filled"
        with (self.folder / "ballast").open("ab", buffering=0) as file:
            for size in (_PIECE, 512):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Take away what filled it."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        """Take the disk away."""
        if self.is_small:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)
