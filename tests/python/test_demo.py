"""`make demo` and its refusals."""

import subprocess
import sys

import pytest


def demo(*arguments):
    return subprocess.run([sys.executable, "-m", "evscale", "demo", *arguments], check=False, capture_output=True, text=True)


@pytest.mark.parametrize("text, part", [
    (None, "No such file"),
    ("time,count\n1,2\n", "timestamp,events"),
    ("timestamp,events\n2026-01-05T00:00:00Z,5\n2026-01-05T00:02:00Z,x\n", "line 3"),
])
def test_bad_traces_end_with_2_and_say_why(tmp_path, text, part):
    path = tmp_path / "trace.csv"
    if text is not None:
        path.write_text(text)
    ran = demo("--trace", str(path))
    assert ran.returncode == 2 and part in ran.stderr


def test_a_small_trace_gives_a_table_and_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    rows = "".join(f"2026-01-{5 + i // 288:02d}T{i % 288 // 12:02d}:{i % 12 * 5:02d}:00Z,{100 + i % 50}\n"
                   for i in range(3 * 288))
    (tmp_path / "trace.csv").write_text("timestamp,events\n" + rows)
    ran = demo("--trace", str(tmp_path / "trace.csv"), "--out", str(tmp_path / "demo.png"))
    assert ran.returncode == 0, ran.stderr
    assert "SLA compliance" in ran.stdout and "HPA" in ran.stdout
    assert (tmp_path / "demo.png").stat().st_size > 10_000
