"""Refusals of the Python side, in the words of the door that the caller came through."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ._evscale import ArgumentError

LONGEST = 200
"""Most characters of a value or of a list of names in a message."""

_shell: ContextVar[bool] = ContextVar("evscale_shell", default=False)


def refuse(message: str) -> ArgumentError:
    """Returns an `ArgumentError` with its kind."""
    problem = ArgumentError(message)
    problem.kind = "invalid_argument"
    return problem


def missing(library: str, what: str, extra: str) -> ImportError:
    """Returns the error of a missing optional library, with the way to get it."""
    return ImportError(f"{what} needs {library}: pip install 'evscale[{extra}]'")


@contextmanager
def shell_words() -> Iterator[None]:
    """Makes `option` write options as the command line takes them."""
    token = _shell.set(True)
    try:
        yield
    finally:
        _shell.reset(token)


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
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def listed(names: Any, most: int = 12) -> str:
    """Returns names as a message lists them."""
    names = [str(name) for name in names]
    text = ", ".join(f"`{name}`" for name in names[:most])
    text = text if len(text) <= LONGEST else text[:LONGEST] + "...`"
    return text + (f" and {len(names) - most} more" if len(names) > most else "")
