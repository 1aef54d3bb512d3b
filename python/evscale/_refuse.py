"""Refusals of the Python side."""

from ._evscale import ArgumentError


def refuse(message: str) -> ArgumentError:
    """An `ArgumentError` with its kind."""
    problem = ArgumentError(message)
    problem.kind = "invalid_argument"
    return problem


def missing(library: str, what: str, extra: str) -> ImportError:
    """A missing optional library, and how to get it."""
    return ImportError(f"{what} needs {library}: pip install 'evscale[{extra}]'")
