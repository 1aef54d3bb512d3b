"""Refusals of the Python side, in the words of the door that the caller came through."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from functools import wraps
from os import PathLike, fspath
from typing import Any, ParamSpec, TypeVar

from ._evscale import ArgumentError, EvscaleError, readable_text

CHUNK = 1 << 20
LONGEST = 300
"""Most characters of another library's exception in a message."""

LONGEST_MESSAGE = 5000
"""Longest message of the operating system, which has the whole path, that leaves as it is."""

SHOWN = 200
"""Most characters of a value or of a list of names in a message."""

_shell: ContextVar[bool] = ContextVar("evscale_shell", default=False)

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
        except OSError as raised:
            if len(str(raised)) <= LONGEST_MESSAGE:
                raise
            raise refuse(told(raised)) from raised
        except (EvscaleError, TypeError, ImportError):
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


@contextmanager
def shell_words() -> Iterator[None]:
    """Makes `option` write options as the command line takes them."""
    token = _shell.set(True)
    try:
        yield
    finally:
        _shell.reset(token)


def meant(name: str, names: Iterable[str]) -> str:
    """Returns the part of a refusal that tells which name was probably meant; nothing if none is like it.

    >>> meant("max_job", ["min_jobs", "max_jobs"]), meant("x", ["min_jobs"])
    (', did you mean `max_jobs`?', '')
    """
    near = get_close_matches(name, list(names), 1)
    return f", did you mean `{near[0]}`?" if near else ""


def in_shell() -> bool:
    """Tells whether the caller is the command line."""
    return _shell.get()


def option(name: str, value: Any = True) -> str:
    """Returns an option as the caller writes it.

    >>> option("time_zone", "UTC"), option("sum"), option("where", {"queue": "orders"})
    ("time_zone='UTC'", 'sum=True', "where={'queue': 'orders'}")
    >>> with shell_words():
    ...     option("time_zone", "UTC"), option("sum"), option("where", {"queue": "orders"})
    ('--time-zone UTC', '--sum', '--where queue=orders')
    """
    if not _shell.get():
        return f"{name}={value!r}"
    flag = "--" + {"columns": "column"}.get(name, name.removesuffix("_seconds")).replace("_", "-")
    if value is True:
        return flag
    if isinstance(value, Mapping):
        return " ".join(f"{flag} {shlex.quote(f'{key}={one}')}" for key, one in value.items())
    return f"{flag} {shlex.quote(str(value))}"


def shown(value: Any) -> str:
    """Returns the value as a message shows it, cut short, without control characters."""
    try:
        text = repr(value[: SHOWN + 1] if isinstance(value, str) else value)
    except Exception:  # noqa: BLE001 the repr is the caller's code
        return "a value without a repr"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def listed(names: Any, most: int = 12) -> str:
    """Returns names as a message lists them."""
    names = [str(name) for name in names]
    text = ", ".join(f"`{name}`" for name in names[:most])
    text = text if len(text) <= SHOWN else text[:SHOWN] + "...`"
    return text + (f" and {len(names) - most} more" if len(names) > most else "")
