"""Bytes of a file as text: compression, byte order marks, encodings.

Built on the standard library's gzip, bz2, lzma and io, which stream: a file is never in memory as a whole.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from .._refuse import option, refuse

if TYPE_CHECKING:
    from typing_extensions import Buffer


def _only_file(path: str) -> IO[bytes]:
    """Opens the one file of a zip archive."""
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise refuse(f"{path}: a zip archive of {len(names)} files, expected one with the metrics, or a workbook named .xlsx; unpack it and "
                     "give the right one")
    return archive.open(names[0])


COMPRESSED: tuple[tuple[bytes, str, Callable[[str], Any]], ...] = (
    (b"\x1f\x8b", "gzip", gzip.open), (b"BZh", "bzip2", bz2.open), (b"\xfd7zXZ\x00", "xz", lzma.open),
    (b"PK\x03\x04", "zip", _only_file))
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
FOREIGN = ((b"PAR1", "a Parquet file"), (b"PK\x03\x04", "a zip archive or a workbook"), (b"\x28\xb5\x2f\xfd", "a zstd archive"),
           (b"ORC", "an ORC file"), (b"Obj\x01", "an Avro file"), (b"SQLite", "an SQLite database"), (b"\x89HDF", "an HDF5 file"))
PEEK = 4096
LARGEST = 1 << 30
"""Most bytes of a line, or of a document in one line; of a device or pipe, which may never end, most bytes at all."""
BUFFER = 1 << 16


class Bounded(io.RawIOBase):
    """Bytes of a file whose lines end, so that one that never ends is refused."""

    def __init__(self, file: Any, path: str, ends: bool) -> None:
        self._file, self._path, self._ends, self._left = file, path, ends, LARGEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        count = int(self._file.readinto(view))
        self._left = LARGEST if self._ends and b"\n" in bytes(view[:count]) else self._left - count
        if self._left < 0:
            raise refuse(f"{self._path}: more than {LARGEST} bytes{' in a line' if self._ends else ''}, expected at most as many")
        return count


@contextmanager
def binary(path: str) -> Iterator[IO[bytes]]:
    """Opens a file for its bytes, uncompressed."""
    with open(path, "rb") as file:
        start, ends = file.read(8), stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    unpack = next((opened for magic, _, opened in COMPRESSED if start.startswith(magic)), None)
    try:
        with (open(path, "rb") if unpack is None else unpack(path)) as file:
            yield io.BufferedReader(Bounded(file, path, ends), BUFFER)
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, OSError) as problem:
        if unpack is None:
            raise
        raise refuse(f"{path}: the archive is damaged ({problem}); pack the file again, or give it unpacked") from None


def head(path: str) -> bytes:
    """Returns the first bytes of a file, uncompressed."""
    with binary(path) as file:
        return bytes(file.read(PEEK))


def encoding_of(path: str, start: bytes) -> str:
    """Returns the encoding that a file's first bytes tell; UTF-8 where they tell none."""
    found = next((name for mark, name in MARKS if start.startswith(mark)), None)
    if found is not None:
        return found
    foreign = next((what for magic, what in FOREIGN if start.startswith(magic)), None)
    if foreign is not None:
        raise refuse(f"{path}: this is {foreign}, expected text (CSV, JSON, a log), Parquet (.parquet) or a workbook "
                     "(.xlsx); export it as CSV")
    if start[1::2].count(0) > len(start) // 3:
        return "utf-16-le"
    if start[0::2].count(0) > len(start) // 3:
        return "utf-16-be"
    return "utf-8"


@contextmanager
def lines(path: str, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Opens a file as text with its line ends as they are; a byte outside the encoding is refused with its line."""
    with binary(path) as file:
        text = io.TextIOWrapper(file, encoding=encoding, newline="")
        try:
            yield text
        except UnicodeDecodeError:
            raise _undecodable(path, encoding) from None


def _undecodable(path: str, encoding: str) -> Exception:
    with binary(path) as file:
        decoder = codecs.getincrementaldecoder(encoding)()
        for number, line in enumerate(file, 1):
            try:
                decoder.decode(line)
            except UnicodeDecodeError as problem:
                return refuse(f"{path}: line {number} has the byte {problem.object[problem.start]:#04x}, expected "
                              f"{encoding.upper()}; {option('encoding', 'cp1252')} reads what Excel writes in Western Europe")
    return refuse(f"{path}: the text ends within a character, expected {encoding.upper()}; "
                  f"{option('encoding', 'cp1252')} or another name tells the encoding")
