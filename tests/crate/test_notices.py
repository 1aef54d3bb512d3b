"""THIRD-PARTY.md names every crate that the C library and the Python module contain, and none that is not in the lock file."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def linked(member):
    """Names and versions of the crates that a member links, its own ones of this repository left out."""
    tree = subprocess.run(["cargo", "tree", "-p", member, "-e", "normal,no-proc-macro", "--prefix", "none", "--locked", "--offline",
                           "--target", "x86_64-unknown-linux-gnu", "--target", "aarch64-unknown-linux-gnu"],
                          cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {tuple(line.split()[:2]) for line in tree.splitlines() if line and "/" not in line}


@pytest.fixture(scope="module")
def named():
    text = (ROOT / "THIRD-PARTY.md").read_text()
    return set(re.findall(r"^- (\S+) (\d\S*)$", text, re.MULTILINE))


def test_every_linked_crate_has_its_licence_and_no_other_is_named(named):
    wanted = {(name, version.lstrip("v")) for member in ("evscale-ffi", "evscale-py") for name, version in linked(member)}
    assert len(wanted) > 50
    assert wanted - named == set(), "write it again: make notices"


def test_nothing_is_named_that_no_longer_is_in_the_lock_file(named):
    locked = set(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', (ROOT / "Cargo.lock").read_text()))
    assert named - locked == set(), "write it again: make notices"
