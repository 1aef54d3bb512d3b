import numpy as np
import pytest
from evscale import ArgumentError, ModelBundle, _evscale
from evscale.training.fit import Settings, fit, read_history
from evscale.training.traces import Series

QUICK = Settings(minutes=0.05, rows=600)


@pytest.fixture(scope="module")
def series() -> Series:
    start, events = _evscale.random_workload(77, 12.0, 600)
    return Series("mine", int(start), 600, np.asarray(events))


def test_a_worse_model_is_not_written_unless_told(series, tmp_path):
    ruinous = Settings(minutes=0.05, rows=600, rate=0.5)
    out = tmp_path / "bundle"
    result = fit(series, out, settings=ruinous)
    assert not result.better and not result.written and not out.exists()
    assert list(tmp_path.iterdir()) == []
    assert fit(series, out, settings=ruinous, force=True).written
    kept = {path.name: path.read_bytes() for path in out.iterdir()}
    assert ModelBundle.load(out).name == "mine"
    mended = fit(series, out, settings=QUICK)
    assert mended.before[180] < 2.0, "compared with the base, not only with what is there"
    if not mended.written:
        assert kept == {path.name: path.read_bytes() for path in out.iterdir()}


def test_bad_input_is_named(series, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ArgumentError, match=r"notes\.txt"):
        fit(series, tmp_path, settings=QUICK)
    short = tmp_path / "short.csv"
    short.write_text("timestamp,events\n" + "".join(f"2026-01-05T00:{m:02d}:00Z,5\n" for m in range(0, 60, 10)))
    with pytest.raises(ArgumentError, match="expected at least 10"):
        read_history(short)
