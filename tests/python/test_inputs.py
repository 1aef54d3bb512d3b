"""Expectations for a folder of files that users brought, which is not part of the project: EVSCALE_INPUTS=folder.

The expectations were worked out from the files by other means than evscale.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXPECTED = json.loads((Path(__file__).parent / "readers/inputs.json").read_text())
FOLDER = os.environ.get("EVSCALE_INPUTS")


def look(name, *options):
    return subprocess.run([sys.executable, "-m", "evscale", "look", "--json", f"{FOLDER}/{name}", *options], check=False, capture_output=True, text=True)


@pytest.mark.skipif(FOLDER is None, reason="EVSCALE_INPUTS names no folder")
@pytest.mark.parametrize("name", EXPECTED)
def test_files_that_users_brought(name):
    expected = dict(EXPECTED[name])
    needs = expected.pop("needs")
    if needs:
        refused = look(name)
        assert refused.returncode == 2 and " ".join(needs) in refused.stderr
    ran = look(name, *needs)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    total = expected.pop("total_events")
    assert {key: seen[key] for key in expected} == expected
    assert seen["total_events"] == pytest.approx(total, rel=1e-6)


def test_most_need_no_option():
    assert sum(not one["needs"] for one in EXPECTED.values()) >= 22
