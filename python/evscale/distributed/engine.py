"""What an engine is: something that answers many questions at once, and that holds actors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

Q = TypeVar("Q")


class Lost(Exception):
    """The process of an actor, or of a question, ended before it answered."""


class Answer(Protocol):
    """An answer that may not be there yet."""

    def wait(self) -> Any:
        """Returns it, or raises what the actor raised; `Lost` if the actor has ended."""
        ...


class Actor(Protocol):
    """An object in another process."""

    def ask(self, method: str, *arguments: Any) -> Answer:
        """Calls a method, and does not wait for it. One call is made at a time, in their order."""
        ...

    def end(self) -> None:
        """Ends the object and its process."""


class Engine(Protocol):
    """Where the work runs."""

    def workers(self) -> int:
        """Returns how many processors there are."""
        ...

    def actor(self, make: Callable[..., Any], *arguments: Any) -> Actor:
        """Makes an object in another process."""
        ...

    def answers(self, ask: Callable[[Q], Any], questions: Iterable[tuple[str, Q]]) -> Iterator[tuple[str, Q, Any]]:
        """Yields key, question and `ask(question)`, or why there is no answer as a text, as they come. A question that ends its
        process takes no other with it."""
        ...


ENDED = "its process ended abruptly"
"""Why there is no answer, if the process that had the question ended."""


def reason(problem: BaseException) -> str:
    """Returns an exception in words."""
    return f"{type(problem).__name__}: {problem}"
