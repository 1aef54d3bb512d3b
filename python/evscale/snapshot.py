"""Snapshots on disk that a crash cannot tear."""

from __future__ import annotations

from os import PathLike

from ._evscale import Autoscaler, Config, Fleet, ModelBundle, replace_file
from ._refuse import contents, door

LARGEST = 4 << 20
"""Most bytes of a snapshot."""


@door
def save_snapshot(autoscaler: Autoscaler, path: str | PathLike[str]) -> None:
    """Writes the state of a pool; the file is the one before or the new one at every moment, also if power fails.

    The new state goes to a fresh file beside it, is flushed to the disk, and takes its place by one rename. The mode of an
    existing file is kept. Several writers may save to one path; the last one counts. A writer that is killed can leave a
    hidden file beside it that ends in `.tmp`, which may be removed.

    Raises
    ------
    OSError
        It cannot be written; the file before is whole.
    ArgumentError
        The path is that of a symbolic link, a folder, a pipe or a device.

    Examples
    --------
    >>> import tempfile
    >>> from evscale import Autoscaler, Config, load_snapshot, save_snapshot
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_snapshot(Autoscaler(Config(max_jobs=40)), f"{folder}/pool.snapshot")
    ...     load_snapshot(f"{folder}/pool.snapshot", Config(max_jobs=40))
    Autoscaler(Config(max_jobs=40))
    """
    replace_file(path, autoscaler.snapshot())


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
        It is damaged or of another format.
    """
    return Autoscaler.restore(config, contents(path, LARGEST), bundle)
