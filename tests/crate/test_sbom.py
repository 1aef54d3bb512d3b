"""The bills of materials name what is compiled, as the lock file has it."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {"evscale-ffi": ROOT / "sbom.cdx.json", "evscale-core": ROOT / "evscale-core/sbom.cdx.json"}


def compiled(crate):
    """Names and versions of the crates that one needs to be built, for this machine's kind."""
    tree = subprocess.run(["cargo", "tree", "-p", crate, "-e", "normal,build", "--prefix", "none", "--locked", "--offline",
                           "--target", "x86_64-unknown-linux-gnu"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {tuple(line.replace(" v", " ").split()[:2]) for line in tree.splitlines() if line and "/" not in line}


@pytest.mark.parametrize("crate", FILES)
def test_a_bill_names_what_is_compiled_with_the_checksums_of_the_lock_file(crate):
    bill = json.loads(FILES[crate].read_text())
    named = {(one["name"], one["version"]): one for one in bill["components"]}
    missing = compiled(crate) - set(named)
    assert not missing, "write it again: make sbom"
    sums = {(name, version): checksum for name, version, checksum in re.findall(
        r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([^"]+)"', (ROOT / "Cargo.lock").read_text())}
    assert len(named) > 100
    for key, one in named.items():
        if not key[0].startswith("evscale"):
            assert one["hashes"] == [{"alg": "SHA-256", "content": sums[key]}], "write it again: make sbom"
            assert one["licenses"], key


@pytest.mark.parametrize("crate", FILES)
def test_a_bill_says_nothing_of_the_machine_that_wrote_it(crate):
    text = FILES[crate].read_text()
    assert "file:" not in text and "/home" not in text and "1970" not in text
