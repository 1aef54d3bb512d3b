"""Refusals of the Python side."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from os import PathLike, fspath
from typing import ParamSpec, TypeVar

from ._evscale import ArgumentError, EvscaleError, readable_text

CHUNK = 1 << 20
LONGEST = 300
"""Most characters of another library's exception in a message."""

P = ParamSpec("P")
R = TypeVar("R")


def refuse(message: str) -> ArgumentError:
    """Returns an `ArgumentError` with its kind, and a message that is fit for a terminal."""
    problem = ArgumentError(readable_text(message))
    problem.kind = "invalid_argument"
    return problem


def missing(library: str, what: str, extra: str) -> ImportError:
    """Returns the error of a missing optional library, and how to get it."""
    return ImportError(f"{what} needs {library}: pip install 'evscale[{extra}]'")


def door(call: Callable[P, R]) -> Callable[P, R]:
    """Lets nothing out but `EvscaleError`, `TypeError`, `OSError`, `ImportError`, and what is no `Exception`.

    Whatever else the caller's objects or another library raise becomes an `ArgumentError`, whose cause it is. A panic of
    another library is no `Exception` by its class, and becomes one too.
    """

    @wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except (EvscaleError, TypeError, OSError, ImportError):
            raise
        except BaseException as raised:
            if not isinstance(raised, Exception) and type(raised).__name__ != "PanicException":
                raise
            raise refuse(f"reading the arguments raised {told(raised)}") from raised

    return guarded


def told(raised: BaseException) -> str:
    """Returns the class and the text of an exception, cut."""
    try:
        text = str(raised)
    except Exception:  # noqa: BLE001 the text is the host's code
        text = "an exception without a text"
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}... (cut, {len(text)} characters)"
    return f"{type(raised).__name__}: {cut}" if cut else type(raised).__name__


@door
def contents(path: str | PathLike[str], most: int) -> bytes:
    """Reads a file of at most `most` bytes, in parts, so that one that never ends is refused."""
    parts: list[bytes] = []
    length = 0
    with open(fspath(path), "rb") as file:  # a number, which open takes for an open file, is none
        while part := file.read(CHUNK):
            length += len(part)
            if length > most:
                raise refuse(f"{path}: more than {most} bytes, expected at most as many")
            parts.append(part)
    return b"".join(parts)
