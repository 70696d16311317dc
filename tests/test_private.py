"""What holds data is for the user of the program alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbwc_server import app, private
from qbwc_server.companies import registry
from qbwc_server.settings import Settings
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine, transaction


@pytest.fixture(autouse=True)
def _loose_umask() -> Iterator[None]:
    """Have files be open to all where nobody says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def _rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_database_and_key_are_0600_in_a_folder_of_0700(tmp_path: Path) -> None:
    """Also what SQLite puts beside its file while it works."""
    made = app.parts(Settings(data_dir=tmp_path / "new" / "data"))
    registry.add(
        made.engine,
        made.keys,
        name="Alice",
        mosaic_url="http://127.0.0.1:9",
        mosaic_team="1",
        now=made.clock(),
    )
    folder = tmp_path / "new" / "data"
    with transaction(made.engine):
        files = {path.name: _rights(path) for path in folder.iterdir()}
    made.engine.dispose()
    assert {"qbwc.db", "qbwc.db-wal", "qbwc.db-shm", "secret.key"} <= files.keys()
    assert set(files.values()) == {0o600}
    assert _rights(folder) == 0o700


def test_what_an_earlier_program_left_open_is_closed(tmp_path: Path) -> None:
    """Files are ours; a folder is left as somebody made it."""
    tmp_path.chmod(0o755)
    settings = Settings(data_dir=tmp_path)
    for name in ("qbwc.db", "secret.key"):
        (tmp_path / name).write_text("k" * 40 if name == "secret.key" else "")
        (tmp_path / name).chmod(0o644)
    engine = make_engine(settings.url())
    schema.upgrade(engine)
    engine.dispose()
    assert settings.keys() == ["k" * 40]
    assert _rights(tmp_path / "qbwc.db") == _rights(tmp_path / "secret.key") == 0o600
    assert _rights(tmp_path) == 0o755


def test_what_is_written_is_never_open_to_others(tmp_path: Path) -> None:
    """Not even between its making and its content."""
    file = tmp_path / "x.qwc"
    private.close(file, make=True)
    assert _rights(file) == 0o600
    file.chmod(0o666)
    private.write(file, b"new")
    assert (_rights(file), file.read_bytes()) == (0o600, b"new")
    private.close(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
