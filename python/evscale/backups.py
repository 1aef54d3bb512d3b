"""Backups: a registry of models, configurations and states of pools in one archive, and back.

An archive is a tar file. Its last member, `evscale-backup.json`, names every other one with its size and SHA-256, and ends with the
checksum of itself. What is read is as it was at a moment: a file that changes while it is read, and a registry or the folder of a
distributed fleet in which anything changes meanwhile, are read again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import stat
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, astuple, dataclass
from io import BytesIO
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Any

from . import Registry, __version__
from ._refuse import CHUNK, door, refuse, shown

FORMAT = 1
MANIFEST = "evscale-backup.json"
PARTS = ("registry", "config", "state")
"""Folders of an archive, and of where it is restored."""
MOST_MANIFEST_BYTES = 64 << 20
TRIES = 5
"""Times that a backup is begun anew because something was written meanwhile."""
_SQLITE = b"SQLite format 3\x00"
_SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Entry:
    """A file of an archive."""

    name: str
    bytes: int
    sha256: str
    mode: int


class _Changed(Exception):
    """Something was written while the archive was made."""


@door
def back_up(archive: str | PathLike[str], *, registry: str | PathLike[str] | None = None,
            config: Iterable[str | PathLike[str]] = (), state: Iterable[str | PathLike[str]] = (), overwrite: bool = False,
            now_ms: int | None = None) -> dict[str, Any]:
    """Writes an archive and returns its manifest. Those who write to the registry and the states may go on meanwhile.

    Parameters
    ----------
    archive
        The file; refused if it is there, unless `overwrite`.
    registry
        Folder of a registry.
    config
        Configuration files, or folders of them.
    state
        Files and folders with states of pools: snapshots, the folder of a distributed fleet, decision logs, the database of an
        evscale-server with SQLite.
    now_ms
        When it was made; the machine's clock by default.

    Raises
    ------
    ArgumentError
        A version in the registry is damaged, two files have the same name, one is no regular file, or something is written faster than
        it is read.
    """
    target = Path(archive)
    if target.exists() and not overwrite:
        raise refuse(f"{target}: is there already, expected a new name, or to be told to overwrite it")
    sources = [*([("registry", Path(registry))] if registry is not None else []),
               *(("config", Path(one)) for one in config), *(("state", Path(one)) for one in state)]
    if not sources:
        raise refuse("a backup of nothing, expected a registry, configuration files or states of pools")
    for _, path in sources:
        if path.is_dir() and target.resolve().is_relative_to(path.resolve()):
            raise refuse(f"{target}: lies in {path}, which it would hold, expected another folder")
    for _ in range(TRIES):
        with suppress(_Changed), tempfile.TemporaryDirectory() as scratch:
            return _Archive(sources, Path(scratch)).write(target, int(time.time() * 1000) if now_ms is None else now_ms)
    raise refuse("the files change faster than they are read, expected a moment of quiet: stop whoever writes them, or try again")


@door
def check(archive: str | PathLike[str]) -> dict[str, Any]:
    """Reads a whole archive and returns its manifest.

    Raises
    ------
    ArgumentError
        It is damaged, or no archive of `back_up`.
    """
    return _Opened(Path(archive)).members(None)


@door
def restore(archive: str | PathLike[str], folder: str | PathLike[str], *, replace: bool = False) -> dict[str, Any]:
    """Writes what an archive holds to `folder/registry`, `folder/config` and `folder/state`, and returns its manifest.

    The folder is there as a whole or not at all, whenever the process is killed. If it holds anything it is refused, unless `replace`:
    then it is moved to a name that ends in `.before`, which must be free.

    Raises
    ------
    ArgumentError
        The archive is damaged, foreign, or names a file outside the folder; nothing was written then.
    """
    target = Path(folder)
    before = target.with_name(target.name + ".before")
    occupied = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if occupied and not replace:
        raise refuse(f"{target}: holds something already, expected an empty folder or one that is not there, or to be told to replace it")
    if occupied and before.exists():
        raise refuse(f"{before}: is there from an earlier restore, expected to be moved away or removed first")
    target.resolve().parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        fresh.mkdir(mode=0o700)
        manifest = _Opened(Path(archive)).members(fresh)
        if (fresh / "registry").is_dir():
            (fresh / "registry/versions").mkdir(exist_ok=True)
            _sound(fresh / "registry")
        for root, _, _ in os.walk(fresh):
            _flush_folder(Path(root))
        fresh.chmod(0o755)
        if occupied:
            target.rename(before)
        fresh.rename(target)
        _flush_folder(target.resolve().parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


class _Archive:
    """An archive that is being made."""

    def __init__(self, sources: list[tuple[str, Path]], scratch: Path) -> None:
        self._sources, self._scratch = sources, scratch

    def write(self, target: Path, created_ms: int) -> dict[str, Any]:
        """Writes the archive atomically and returns its manifest."""
        fresh = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    entries = self._add_sources(tar, created_ms)
                    manifest = {"format_version": FORMAT, "evscale_version": __version__, "created_ms": created_ms,
                                "files": [asdict(entry) for entry in entries]}
                    sealed = _sealed(manifest)
                    tar.addfile(_member(MANIFEST, len(sealed), 0o600, created_ms), BytesIO(sealed))
                _flush(file)
            os.replace(fresh, target)
            _flush_folder(target.resolve().parent)
        finally:
            fresh.unlink(missing_ok=True)
        return manifest

    def _add_sources(self, tar: tarfile.TarFile, created_ms: int) -> list[Entry]:
        entries: dict[str, Entry] = {}
        for part, path in self._sources:
            together = part == "registry" or (path / "fleet.json").exists()
            try:
                files = dict(_registry_files(path) if part == "registry" else _files_of(part, path))
                before = [_version(file) for file in files.values()] if together else []
                for name, file in files.items():
                    if name in entries:
                        raise refuse(f"{file}: another file is {name} in the backup already, expected names that differ: give the folder of both")
                    entries[name] = self._add(tar, name, file, created_ms)
                if together and (dict(_registry_files(path) if part == "registry" else _files_of(part, path)) != files
                                 or [_version(file) for file in files.values()] != before):
                    raise _Changed
            except FileNotFoundError:
                if path.exists():
                    raise _Changed from None
                raise
        if not entries:
            raise refuse("a backup of nothing, expected a registry with versions, configuration files or states of pools")
        return list(entries.values())

    def _add(self, tar: tarfile.TarFile, name: str, path: Path, created_ms: int) -> Entry:
        with self._content(path) as file:
            known = os.fstat(file.fileno())
            mode = stat.S_IMODE(known.st_mode) & 0o777 | 0o600
            read = _Digested(file)
            try:
                tar.addfile(_member(name, known.st_size, mode, created_ms), read)
            except OSError as problem:
                if problem.errno is not None:
                    raise
                raise _Changed from None  # it became shorter
            now = os.fstat(file.fileno())
        if now.st_size == known.st_size and now.st_mtime_ns != known.st_mtime_ns:
            raise _Changed
        return Entry(name, known.st_size, read.hexdigest(), mode)

    def _content(self, path: Path) -> IO[bytes]:
        """Opens a file; a database of SQLite, which its owner may be changing, is copied by SQLite first."""
        file = path.open("rb")
        if file.read(len(_SQLITE)) != _SQLITE:
            file.seek(0)
            return file
        file.close()
        copy = self._scratch / "database"
        copy.unlink(missing_ok=True)
        _copy_database(path, copy)
        return copy.open("rb")


class _Digested:
    """A file whose checksum is taken while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def read(self, length: int = -1) -> bytes:
        part = self._file.read(length)
        self._digest.update(part)
        return part

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _version(path: Path) -> tuple[int, int, int]:
    """Returns what tells whether a file is still the same."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _files_of(part: str, path: Path) -> Iterator[tuple[str, Path]]:
    """Yields the regular files of a folder, or the file itself; what writers leave for a moment is passed over."""
    if not path.exists():
        raise refuse(f"{path}: is not there, expected a file or folder")
    if not path.is_dir():
        yield f"{part}/{path.resolve().name}", _regular(path)
        return
    top = path.resolve().name
    for root, folders, files in os.walk(path):
        for name in folders:
            if (Path(root) / name).is_symlink():
                raise refuse(f"{Path(root) / name}: is a symbolic link, expected files and folders; name what it points to instead")
        for name in files:
            file = Path(root) / name
            database = next((name.removesuffix(end) for end in _SQLITE_COMPANIONS if name.endswith(end)), None)
            if name.startswith(".") and name.endswith(".tmp") or database in files:
                continue
            yield f"{part}/{top}/{file.relative_to(path).as_posix()}", _regular(file)


def _registry_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yields the files of a registry that count: its stages, and its versions."""
    _sound(root)
    registry = Registry(root)
    if (root / "stages.json").exists():
        yield "registry/stages.json", root / "stages.json"
    for version in registry.versions():
        folder = f"versions/{version:04}"
        for name in ("card.json", *registry.card(version)["files"]):
            yield f"registry/{folder}/{name}", root / folder / name


def _sound(root: Path) -> None:
    """Refuses a registry with a damaged version."""
    for found in Registry(root).verify():
        if not found["ok"] and not found["unfinished"]:
            raise refuse(f"{root}: version {found['version']} is damaged: {found['problem']}")


def _regular(path: Path) -> Path:
    kind = os.lstat(path).st_mode
    if not stat.S_ISREG(kind):
        raise refuse(f"{path}: is {'a symbolic link' if stat.S_ISLNK(kind) else 'no regular file'}, expected a regular file")
    return path


def _copy_database(path: Path, copy: Path) -> None:
    """Copies a database as it is at a moment, also while its owner writes."""
    try:
        source = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            into = sqlite3.connect(copy)
            source.backup(into)
            into.close()
        finally:
            source.close()
    except sqlite3.Error as problem:
        raise refuse(f"{path}: SQLite cannot copy it: {problem}") from None


def _member(name: str, size: int, mode: int, created_ms: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, mode, created_ms // 1000
    return member


def _sealed(manifest: dict[str, Any]) -> bytes:
    """Returns the manifest with its checksum."""
    return json.dumps({**manifest, "sha256": _checksum(manifest)}, indent=1).encode()


def _checksum(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, indent=1).encode()).hexdigest()


def _next(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    """Returns the next member. Before Python 3.11, tarfile seeks to before the begin of what is no archive."""
    try:
        return tar.next()
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
        raise tarfile.ReadError("no archive") from problem


class _Opened:
    """An archive that is read from its begin to its end: its members, and at last its manifest, which must tell of just these."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[Entry] = []
        self._left = _regular(path.resolve(strict=True)).stat().st_size
        self.manifest: dict[str, Any] = {}

    def members(self, into: Path | None) -> dict[str, Any]:
        """Reads everything, and writes it below a folder if there is one; returns the manifest."""
        try:
            with tarfile.open(self._path, mode="r:") as tar:
                while (member := _next(tar)) is not None:
                    content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                    self._left -= member.size
                    if content is None or self._left < 0:
                        raise refuse(f"{self._path}: {shown(member.name)} is no regular file, expected an archive of `evscale backup`")
                    if member.name == MANIFEST:
                        self._conclude(content, member.size, _next(tar))
                        return self.manifest
                    self._take(member, content, into)
        except (tarfile.TarError, EOFError, OverflowError) as problem:
            raise refuse(f"{self._path}: {problem}, expected an archive of `evscale backup` as it was written") from problem
        raise refuse(f"{self._path}: does not end with {MANIFEST}, expected an archive of `evscale backup`; it is cut or another one")

    def _take(self, member: tarfile.TarInfo, content: IO[bytes], into: Path | None) -> None:
        parts, mode = member.name.split("/"), member.mode & 0o777
        odd = any(part in ("", ".", "..") or "\0" in part or os.sep in part or ":" in part and os.name == "nt" for part in parts)
        if odd or len(parts) < 2 or parts[0] not in PARTS:
            raise refuse(f"{self._path}: holds {shown(member.name)}, expected names within {', '.join(PARTS)}")
        digest = hashlib.sha256()
        with nullcontext() if into is None else _made(into.joinpath(*parts), mode) as file:
            while part := content.read(CHUNK):
                digest.update(part)
                if file is not None:
                    file.write(part)
        self._found.append(Entry(member.name, member.size, digest.hexdigest(), mode))

    def _conclude(self, content: IO[bytes], size: int, after: tarfile.TarInfo | None) -> None:
        damaged = refuse(f"{self._path}: {MANIFEST} is damaged, expected it as it was written")
        if size > MOST_MANIFEST_BYTES:
            raise damaged
        try:
            manifest = json.loads(content.read())
            if manifest.pop("sha256") != _checksum(manifest):
                raise damaged
            version, files = manifest["format_version"], [tuple(one.values()) for one in manifest["files"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise damaged from None
        if version != FORMAT:
            raise refuse(f"{self._path}: format {shown(version)}, expected {FORMAT}; restore it with the evscale that wrote it")
        for one, found in zip(files, self._found, strict=False):
            if one != astuple(found):
                raise refuse(f"{self._path}: {shown(found.name)} has {found.bytes} bytes and the checksum {found.sha256}, which {MANIFEST} tells "
                             "otherwise; it is damaged")
        if len(files) != len(self._found) or after is not None or len({found.name for found in self._found}) != len(files):
            raise refuse(f"{self._path}: has {len(self._found)} files and {MANIFEST} tells of {len(files)}, expected each once; it is damaged")
        self.manifest = manifest


@contextmanager
def _made(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """Makes a file that was not there, which is on the disk at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        yield file
        _flush(file)
    path.chmod(mode)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if hasattr(os, "O_DIRECTORY"):
        opened = os.open(fspath(folder), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
