"""What `evscale look` understands of files like those that users brought, through the command's own door.

The committed stand-ins have the shapes of those files and made-up values. EVSCALE_INPUTS=folder checks the files themselves as well,
which are not part of the project; what they hold was worked out by other means than evscale.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "readers"
sys.path.insert(0, str(HERE))
import stand_ins

FOLDER = os.environ.get("EVSCALE_INPUTS")
EXPECTED = json.loads((HERE / "inputs.json").read_text())


def look(path, *options):
    return subprocess.run([sys.executable, "-m", "evscale", "look", "--json", str(path), *options], check=False, capture_output=True, text=True)


def understood(path, needs):
    """Returns what is understood with the options, without which the file is refused with these in the message."""
    if needs:
        refused = look(path)
        assert refused.returncode == 2 and " ".join(needs) in refused.stderr
    ran = look(path, *needs)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def written(at):
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


@pytest.mark.parametrize("name", stand_ins.FILES)
def test_stand_ins_are_understood(tmp_path, name):
    made = stand_ins.FILES[name]()
    path = tmp_path / name
    path.write_bytes(made.data)
    seen = understood(path, made.needs)
    assert (seen["interval_seconds"], seen["rows"], seen["kind"]) == (made.interval_seconds, made.rows, made.kind)
    assert (seen["first"], seen["last"]) == (written(made.first), written(made.last))
    assert seen["total_events"] == pytest.approx(made.total_events, rel=1e-6)


def test_every_file_that_users_brought_has_a_stand_in_with_the_same_needs():
    needs = {name[:2]: one["needs"] for name, one in EXPECTED.items()}
    assert {name[:2]: list(make().needs) for name, make in stand_ins.FILES.items()} == needs
    assert sum(not one for one in needs.values()) >= 22


if FOLDER is not None:
    @pytest.mark.parametrize("name", EXPECTED)
    def test_files_that_users_brought(name):
        expected = dict(EXPECTED[name])
        seen = understood(f"{FOLDER}/{name}", expected.pop("needs"))
        total = expected.pop("total_events")
        assert {key: seen[key] for key in expected} == expected
        assert seen["total_events"] == pytest.approx(total, rel=1e-6)
