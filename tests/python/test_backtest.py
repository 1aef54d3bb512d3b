"""Backtest, its report and its pictures."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import evscale
import numpy as np
import pytest

COUNTS = 600 + 400 * np.sin(np.arange(3 * 144) / 144 * 2 * np.pi)
TIMES = [1_767_571_200_000 + 600_000 * i for i in range(len(COUNTS))]
HISTORY = {"timestamp": TIMES, "events": COUNTS}
CONFIG = evscale.Config(max_jobs=40, job_startup_seconds=180)
BASELINES = ["static peak", "HPA on CPU", "HPA on rate", "KEDA queue", "Flink", "Ray Serve", "seasonal quantile"]


@pytest.fixture(scope="module")
def report():
    return evscale.backtest(HISTORY, CONFIG, jobs_at_peak=20)


def test_all_rules_have_all_scores(report):
    assert [run.name for run in report.runs] == ["evscale", *BASELINES]
    for run in report.runs:
        assert 0 <= run.scores["sla_compliance_percent"] <= 100
        assert run.scores["cost_ratio"] == pytest.approx(run.scores["job_hours"] / report.clairvoyant_job_hours)
        assert len(run.rows["jobs"]) == len(COUNTS)
        assert run.rows["arrivals"] == pytest.approx(COUNTS)
    hours = report.evscale.rows["jobs"][report.scored_from:].sum() * 600 / 3600
    assert report.evscale.scores["job_hours"] == pytest.approx(hours)
    assert report["static peak"].scores["scale_actions"] == 0


def test_the_decisions_are_those_of_the_replay(report):
    targets = report.evscale.rows["target"]
    places = {str(at): i for i, at in enumerate(report.times)}
    assert len(report.decisions) > 100
    for decision in report.decisions:
        at = str(np.datetime64(decision["decided_at"].rstrip("Z"), "ms"))
        assert targets[places[at]] == decision["recommended_jobs"]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_come_back_as_they_came(library):
    kind = pytest.importorskip(library)
    times = [np.datetime64(t, "ms").item().replace(tzinfo=__import__("datetime").timezone.utc) for t in TIMES]
    make = kind.table if library == "pyarrow" else kind.DataFrame
    made = make({"timestamp": times, "events": COUNTS})
    done = evscale.backtest(made, CONFIG, jobs_at_peak=20, baselines=False)
    assert type(done.to_frame()) is type(made) and type(done.intervals()) is type(made)
    assert len(done.intervals()) == len(COUNTS)


def test_what_if_changes_one_setting(report):
    few = report.what_if(max_jobs=12)
    assert few.report.evscale.rows["target"].max() == 12
    assert few.difference["sla_compliance_percent"] < 0 and few.difference["job_hours"] < 0
    assert "max_jobs: 40 -> 12" in str(few)
    same = report.what_if(max_jobs=40)
    assert set(same.difference.values()) == {0.0}
    for bad in ({}, {"max_jobs": 1, "min_jobs": 1}, {"max_job": 3}):
        with pytest.raises(evscale.ArgumentError):
            report.what_if(**bad)
    with pytest.raises(evscale.ConfigError):
        report.what_if(max_jobs=0)


def test_service_times_come_from_the_history_first():
    known = evscale.backtest(HISTORY | {"service_time_ms": [9000.0] * len(COUNTS)}, CONFIG, baselines=False)
    assert (known.service_time_source, known.service_time_ms) == ("history", 9000)
    told = evscale.backtest(HISTORY, evscale.Config(max_jobs=40, service_time_ms=9000), baselines=False)
    assert told.service_time_source == "config" and told.evscale.scores == known.evscale.scores


def test_an_exception_of_the_progress_ends_the_replay():
    calls = []

    def stop(done, total):
        calls.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evscale.backtest(HISTORY, CONFIG, progress=stop)
    assert len(calls) == 1


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.pictures, self.outside = [], 0, []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "img":
            self.pictures += given["src"].startswith("data:image/png;base64,")
        elif tag not in ("meta",):
            self.open.append(tag)
        self.outside += [value for key, value in attrs if key in ("src", "href") and not value.startswith("data:")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("baselines", [True, False])
def test_the_page_is_whole_and_needs_nothing_else(report, tmp_path, baselines):
    pytest.importorskip("matplotlib")
    shown = report if baselines else evscale.backtest(HISTORY, CONFIG, jobs_at_peak=20, baselines=False)
    shown.to_html(tmp_path / "report.html", title="orders <eu>")
    text = (tmp_path / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == [] and page.outside == []
    assert page.pictures == (8 if baselines else 7)
    assert "orders &lt;eu&gt;" in text and "orders <eu>" not in text
    assert f"{report.evscale.scores['sla_compliance_percent']:.2f} %" in text
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]*"', "", text))


def test_pictures_are_drawn(report, tmp_path):
    pytest.importorskip("matplotlib")
    report.plot().savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 50_000
    axes = evscale.Forecaster().predict(COUNTS).plot()
    assert "minutes after" in axes.get_xlabel()


WIDTH = """<body style="margin:0"><iframe id=f width=WIDE height=900 style="border:0" src="report.html"></iframe><script>
onload=()=>{const d=document.getElementById("f").contentDocument.documentElement;document.title=d.scrollWidth-d.clientWidth}</script>"""


@pytest.mark.parametrize("wide", [400, 1280])
def test_the_page_fits_the_width_of_a_browser(report, tmp_path, wide):
    pytest.importorskip("matplotlib")
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed: make setup-system")
    report.to_html(tmp_path / "report.html")
    (tmp_path / "frame.html").write_text(WIDTH.replace("WIDE", str(wide)))
    ran = subprocess.run([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--window-size=1400,1000",
                          "--dump-dom", "--virtual-time-budget=5000", f"file://{tmp_path}/frame.html"], capture_output=True, text=True, check=False,
                         timeout=120)
    assert "<title>0</title>" in ran.stdout, re.findall("<title>.*</title>", ran.stdout)
