"""A process that observes and decides opens nothing but what the loader, the C library and the choice of kernels need."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BERLIN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/berlin"
CALLS = "openat,open,openat2,readlink,readlinkat,access,stat,lstat,newfstatat,statx"
NEEDED = (
    r"/etc/ld\.so\.(preload|cache)",  # the loader
    r"/(usr/)?lib(32|64)?/.*\.so(\.[0-9]+)*",
    r"/(usr/)?lib(32|64)?/.*/",  # folders in which the loader looks
    r"/proc/self/maps",  # the standard library looks for the end of the stack
    r"/sys/devices/system/cpu/.*",  # tract chooses its kernels
)


@pytest.fixture(scope="module")
def strace():
    tool = shutil.which("strace")
    if tool is None:
        message = "strace is missing (make setup-system)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return tool


def touched(strace, log, command, **environment):
    """Paths in the traced calls of a process, and its output."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
    ran = subprocess.run([strace, "-f", "-o", log, "-e", f"trace={CALLS}", *command], capture_output=True, text=True,
                         check=False, env=plain | environment)
    if "Operation not permitted" in ran.stderr and "ptrace" in ran.stderr:
        message = f"strace may not trace here: {ran.stderr.strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    assert ran.returncode == 0, ran.stderr
    paths = re.findall(r'\w+\((?:AT_FDCWD, )?"([^"]+)"', log.read_text())
    return set(paths), ran.stdout


def unneeded(paths):
    return sorted(path for path in paths if not any(re.fullmatch(pattern, path) for pattern in NEEDED))


def test_a_pool_in_berlin_opens_nothing_of_its_own(strace, tmp_path):
    paths, explanation = touched(strace, tmp_path / "log", [BERLIN])
    assert "jobs" in explanation
    assert any(path.startswith("/sys/devices/system/cpu/") for path in paths), "the networks were not loaded"
    assert unneeded(paths) == []


def test_zone_files_and_variables_of_the_machine_change_nothing(strace, tmp_path):
    (tmp_path / "zones/Europe").mkdir(parents=True)
    (tmp_path / "zones/Europe/Berlin").write_bytes(b"no zone file")
    _, usual = touched(strace, tmp_path / "log", [BERLIN])
    paths, same = touched(strace, tmp_path / "log", [BERLIN], TZDIR=str(tmp_path / "zones"), TZ="Pacific/Apia")
    assert (unneeded(paths), same) == ([], usual)


def test_the_program_does_not_know_the_variable_of_zone_files():
    assert BERLIN.read_bytes().count(b"TZDIR") == 0


def test_a_process_that_reads_a_zone_file_would_be_seen(strace, tmp_path):
    file = tmp_path / "zoneinfo"
    file.write_text("TZif")
    paths, _ = touched(strace, tmp_path / "log", [shutil.which("cat"), file])
    assert str(file) in unneeded(paths)
