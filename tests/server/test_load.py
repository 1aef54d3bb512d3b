"""A short load; `load.py` has the long one."""

from __future__ import annotations

from pathlib import Path

from load import measure


def test_many_pools_are_served_in_time_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    figures = measure(tmp_path / "load", pools=200, every=2.0, seconds=20.0)
    print(f"\n{figures}")
    assert figures["acknowledged"] == figures["records"] == 2000
    assert figures["lost"] == 0 and figures["refused"] == 0
    # as many records per second as a thousand pools with one per ten seconds; the machine may have other work
    assert figures["p50_ms"] < 200
