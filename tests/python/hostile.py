"""Values that a host should not hand over, each made anew, because some can be read only once."""

import itertools
from datetime import datetime, timedelta, timezone, tzinfo


class Raising:
    """Raises whatever it was made with, however it is read."""

    def __init__(self, raised):
        self.raised = raised

    def fail(self, *_):
        raise self.raised("from the host's object")

    __float__ = __index__ = __int__ = __iter__ = __len__ = __getitem__ = __contains__ = __fspath__ = __bool__ = fail
    __repr__ = __str__ = __hash__ = __eq__ = fail
    keys = items = isoformat = to_dict = to_dicts = tolist = utcoffset = fail


class Growing(dict):
    """A dict that grows whenever one of its numbers is read."""

    def __init__(self):
        super().__init__(timestamp=1_767_607_200_000, logged_events_count=self.Number(self), current_job_count=self.Number(self))

    class Number:
        def __init__(self, owner):
            self.owner = owner

        def __float__(self):
            self.owner[f"more{len(self.owner)}"] = 1
            return 1.0


def growing():
    """A plain dict that does the same."""
    record = {"timestamp": 1_767_607_200_000, "current_job_count": 1}
    record["logged_events_count"] = Growing.Number(record)
    return record


class Endless:
    """A mapping, a sequence and an iterable without an end."""

    def keys(self):
        return itertools.count()

    items = __iter__ = keys

    def __getitem__(self, _):
        return 1.0


class Huge(Endless):
    """Says that it has more items than there is memory."""

    def __len__(self):
        return 2**62


class NaTType(datetime):
    """A missing time, as pandas has it: a datetime that cannot do what datetimes can."""

    def utcoffset(self):
        raise ValueError("NaTType does not support utcoffset")


class LostZone(tzinfo):
    def utcoffset(self, _):
        raise RuntimeError("lost")


class FarZone(tzinfo):
    def utcoffset(self, _):
        return timedelta(hours=25)


def own_list():
    loop = []
    loop.append(loop)
    return loop


def deep_list():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    return deep


VALUES = {
    "minus five": lambda: -5,
    "beyond 64 bits": lambda: 2**70,
    "below 64 bits": lambda: -2**70,
    "5000 digits": lambda: 10**5000,
    "not a number": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "1e308": lambda: 1e308,
    "half": lambda: 0.5,
    "complex": lambda: 1j,
    "none": lambda: None,
    "true": lambda: True,
    "object": object,
    "empty text": str,
    "lone surrogate": lambda: "\ud800",
    "NUL": lambda: "a\0b",
    "terminal escape": lambda: "\x1b]0;owned\x07\x9b31m\u202e",
    "long text": lambda: "x" * 300_000,
    "bytes": lambda: b"\xff\x00",
    "empty list": list,
    "list that holds itself": own_list,
    "deep list": deep_list,
    "list of none": lambda: [None],
    "empty dict": dict,
    "dict of surrogates": lambda: {"\ud800": 1},
    "dict of numbers": lambda: {1: 2},
    "growing dict": growing,
    "growing dict of its own class": Growing,
    "endless": Endless,
    "endless and huge": Huge,
    "endless iterator": lambda: itertools.repeat({}),
    "missing time": lambda: NaTType(2026, 1, 5, tzinfo=timezone.utc),
    "time of a lost zone": lambda: datetime(2026, 1, 5, tzinfo=LostZone()),
    "time of a far zone": lambda: datetime(2026, 1, 5, tzinfo=FarZone()),
    "RuntimeError": lambda: Raising(RuntimeError),
    "KeyError": lambda: Raising(KeyError),
    "OverflowError": lambda: Raising(OverflowError),
    "AttributeError": lambda: Raising(AttributeError),
    "StopIteration": lambda: Raising(StopIteration),
    "RecursionError": lambda: Raising(RecursionError),
    "MemoryError": lambda: Raising(MemoryError),
    "OSError": lambda: Raising(OSError),
}
