"""Snapshots on disk that a crash cannot tear."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from ._evscale import Autoscaler, Config, Fleet, ModelBundle


def save_snapshot(autoscaler: Autoscaler, path: str | PathLike[str]) -> None:
    """Writes the state of a pool; the file is the one before or the new one at every moment, also if power fails.

    The new state goes to a file beside it (`.tmp` appended), is flushed to the disk, and takes its place by one rename.
    Each path is for one writer.

    Examples
    --------
    >>> import tempfile
    >>> from evscale import Autoscaler, Config, load_snapshot, save_snapshot
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_snapshot(Autoscaler(Config(max_jobs=40)), f"{folder}/pool.snapshot")
    ...     load_snapshot(f"{folder}/pool.snapshot", Config(max_jobs=40))
    Autoscaler(Config(max_jobs=40))
    """
    _written(Path(path), autoscaler.snapshot())


def write_text(path: str | PathLike[str], text: str) -> None:
    """Writes a text file; the file is the one before or the new one at every moment."""
    _written(Path(path), text.encode("utf-8"))


def _written(target: Path, data: bytes) -> None:
    fresh = target.with_name(target.name + ".tmp")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def fleet_of(pools: list[tuple[str, Config, bytes]]) -> Fleet:
    """Returns a fleet that goes on from the states of its pools: key, configuration and snapshot of each."""
    fleet = Fleet()
    for key, config, data in pools:
        fleet.restore(key, config, data)
    return fleet


def load_snapshot(path: str | PathLike[str], config: Config, bundle: ModelBundle | None = None) -> Autoscaler:
    """The pool that goes on from a file of `save_snapshot`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    SnapshotError
        It is damaged, of another format, or of a pool with another interval.
    """
    return Autoscaler.restore(config, Path(path).read_bytes(), bundle)
