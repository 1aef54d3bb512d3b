"""What the package writes is whole, has the mode of the file before, and goes where it should."""

import gc
import os
import resource
import signal
import stat
import subprocess
import sys
import weakref

import evscale
import numpy as np
import pytest
from evscale import _evscale

START_MS = 1_767_571_200_000


@pytest.fixture(scope="module")
def report():
    pytest.importorskip("matplotlib")
    events = 600 + 400 * np.sin(np.arange(144) / 144 * 2 * np.pi)
    return evscale.backtest({"timestamp": START_MS + 600_000 * np.arange(144), "events": events}, baselines=False)


@pytest.fixture(params=["snapshot", "page", "bytes"])
def write(request):
    """A function that writes a file of at least 4 KiB."""
    if request.param == "snapshot":
        scaler = evscale.Autoscaler()
        return lambda path: evscale.save_snapshot(scaler, path)
    if request.param == "page":
        return request.getfixturevalue("report").to_html
    return lambda path: _evscale.replace_file(path, b"x" * 5000)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_made_and_replaced(write, tmp_path):
    path = tmp_path / "file"
    write(path)
    first = path.read_bytes()
    path.write_text("something else")
    write(str(path))
    assert path.read_bytes() == first and len(first) > 4096
    assert names(tmp_path) == ["file"]


def test_the_mode_is_kept(write, tmp_path):
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o600)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_planted_link_is_followed(write, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "file.tmp").symlink_to(victim)
    write(tmp_path / "file")
    assert not (tmp_path / "file").is_symlink()
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(evscale.ArgumentError, match="link` is a symbolic link, expected a regular file"):
        write(tmp_path / "link")
    assert victim.read_text() == "precious"
    assert names(tmp_path) == ["file", "file.tmp", "link", "victim"]


def test_a_full_disk_leaves_the_file_before(write, tmp_path):
    path = tmp_path / "file"
    path.write_text("the one before")
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write(path)
        except OSError as problem:
            os._exit(0 if problem.errno == 27 and problem.filename == str(path) else 2)
        finally:
            os._exit(3)
    assert os.waitpid(child, 0)[1] == 0
    assert path.read_text() == "the one before"
    assert names(tmp_path) == ["file"]


def test_failures_name_the_file(write, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "absent" / "file")
    assert caught.value.filename == str(tmp_path / "absent" / "file")
    with pytest.raises(evscale.ArgumentError, match="is a folder"):
        write(tmp_path)
    for path, part in [("/dev/null", "device"), ("a\0b", "NUL|nul")]:
        with pytest.raises((evscale.ArgumentError, OSError), match=part):
            write(path)


def test_titles_that_cannot_be_written_are_no_reason_for_an_empty_page(report, tmp_path):
    for title in ("\ud800", "\0", "<b>"):
        report.to_html(tmp_path / "page.html", title=title)
        assert (tmp_path / "page.html").read_text().rstrip().endswith("</html>")


KILLED = """
import sys, evscale
report = evscale.backtest({"timestamp": [1767571200000 + 600000 * i for i in range(144)], "events": [5.0] * 144}, baselines=False)
page = __import__("evscale.page").page
text = page.page(report, "page") * 20
page.page = lambda *_: text
print("ready", flush=True)
while True:
    report.to_html(sys.argv[1])
"""


def test_a_killed_writer_leaves_a_whole_page(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "page.html"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"ready\n"
        for _ in range(50):
            while not path.exists():
                pass
            assert path.read_bytes().rstrip().endswith(b"</html>")
        writer.send_signal(signal.SIGTERM)
    assert path.read_bytes().rstrip().endswith(b"</html>")


def test_a_snapshot_that_never_ends_is_refused():
    with pytest.raises(evscale.ArgumentError, match="/dev/zero: more than"):
        evscale.load_snapshot("/dev/zero", evscale.Config())


class Host:
    """A policy and forecaster that holds its own autoscaler."""

    def __init__(self, place):
        self.scaler = evscale.Autoscaler(**{place: self})

    def __call__(self, _):
        return 5.0


class SlottedHost(Host):
    __slots__ = ("scaler",)


@pytest.mark.parametrize("kind", [Host, SlottedHost])
@pytest.mark.parametrize("place", ["policy", "forecaster"])
def test_an_autoscaler_that_its_own_policy_holds_is_collected(kind, place):
    hosts = [weakref.ref(kind(place)) for _ in range(50)]
    kept = kind(place)
    gc.collect()
    assert [host for host in hosts if host() is not None] == []
    assert kept.scaler.decide().action == "hold", "what is in use is not collected"


def test_a_tick_that_holds_itself_is_collected():
    class Mark:
        pass

    tick = evscale.Fleet().tick({})
    mark = Mark()
    tick.decisions["itself"] = (tick, mark)
    gone = weakref.ref(mark)
    del tick, mark
    gc.collect()
    assert gone() is None
