"""What actors of a fleet keep in a folder that all of them reach: the states of pools, and what they were given since.

A slot is a group of pools that stays together. `slots/017.pools` has the states of its pools after operation `seq`, replaced
atomically. `journal/NAME-SEQ.log` has the operations that an actor was given, each written before it is carried out. An
operation that was written in part, because its process ended, is none. Nothing here is unpickled.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._evscale import replace_file
from .._refuse import refuse

_HEAD = struct.Struct("<4sIII")
_OPERATION, _SLOT = b"EVOP", b"EVSL"


def _packed(magic: bytes, header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    return _HEAD.pack(magic, len(text), len(body), zlib.crc32(body, zlib.crc32(text))) + text + body


@dataclass(frozen=True)
class Pool:
    """A pool as it is kept."""

    key: str
    config: str
    state: bytes


@dataclass(frozen=True)
class Operation:
    """What an actor was given: `header` has its number `seq`, and the rows of each slot in their order."""

    header: dict[str, Any]
    body: bytes

    @property
    def seq(self) -> int:
        """Its number in the order of all operations of the fleet."""
        seq: int = self.header["seq"]
        return seq

    @property
    def slots(self) -> list[tuple[int, int]]:
        """Slots, and how many of its rows are theirs."""
        return [(slot, rows) for slot, rows in self.header["slots"]]


class Folder:
    """The folder of a fleet."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._slots, self._journal = self.path / "slots", self.path / "journal"

    def make(self) -> None:
        """Makes it where it is not there."""
        for folder in (self._slots, self._journal):
            folder.mkdir(parents=True, exist_ok=True)

    def settle(self, slots: int) -> int:
        """Returns the number of slots that the folder was made with, which is `slots` the first time."""
        path = self.path / "fleet.json"
        if not path.exists():
            replace_file(path, json.dumps({"slots": slots}).encode())
        found: int = json.loads(path.read_bytes())["slots"]
        return found

    def forget_operations(self) -> None:
        """Removes all operations: the states of all slots are those after them."""
        for path in self._journal.glob("*.log"):
            path.unlink(missing_ok=True)

    def write_slot(self, slot: int, seq: int, pools: list[Pool]) -> None:
        """Replaces the states of a slot by those after operation `seq`."""
        told = [{"key": pool.key, "config": pool.config, "size": len(pool.state)} for pool in pools]
        body = b"".join(pool.state for pool in pools)
        replace_file(self._slot(slot), _packed(_SLOT, {"seq": seq, "pools": told}, body))

    def read_slot(self, slot: int) -> tuple[int, list[Pool]]:
        """Returns the states of a slot, and the last operation in them; none before the first."""
        path = self._slot(slot)
        if not path.exists():
            return 0, []
        data = path.read_bytes()
        found = next(_read(data, _SLOT), None)
        if found is None:
            raise refuse(f"{path} is damaged: restore the file, or remove it to begin anew with the pools of its slot")
        header, body = found
        pools, at = [], 0
        for pool in header["pools"]:
            pools.append(Pool(pool["key"], pool["config"], body[at:at + pool["size"]]))
            at += pool["size"]
        return header["seq"], pools

    def operations(self) -> list[Operation]:
        """Returns all operations that were written, in their order."""
        found = [Operation(*one) for path in self._journal.glob("*.log") for one in _read(path.read_bytes(), _OPERATION)]
        return sorted(found, key=lambda operation: operation.seq)

    def logs(self, name: str = "*") -> dict[Path, int]:
        """Returns the files of operations that an actor wrote, of all without, and the last operation of each."""
        read = {path: list(_read(path.read_bytes(), _OPERATION)) for path in self._journal.glob(f"{name}-*.log")}
        return {path: found[-1][0]["seq"] if found else 0 for path, found in read.items()}

    def log(self, name: str, seq: int) -> Log:
        """Begins a file for the operations from `seq` on."""
        return Log(self._journal / f"{name}-{seq:012}.log")

    def _slot(self, slot: int) -> Path:
        return self._slots / f"{slot:04}.pools"


class Log:
    """A file of operations that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_seq = 0
        self.length = 0
        self._file = path.open("wb")

    def write(self, header: dict[str, Any], body: bytes) -> None:
        """Writes an operation, which is on the disk then."""
        self._file.write(_packed(_OPERATION, header, body))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.last_seq, self.length = header["seq"], self.length + 1

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


def _read(data: bytes, magic: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yields header and body of everything that is whole."""
    at = 0
    while at + _HEAD.size <= len(data):
        found, text_length, length, checksum = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size
        text = data[begin:begin + text_length]
        body = data[begin + text_length:begin + text_length + length]
        at = begin + text_length + length
        if found != magic or at > len(data) or zlib.crc32(body, zlib.crc32(text)) != checksum:
            return
        yield json.loads(text), body
