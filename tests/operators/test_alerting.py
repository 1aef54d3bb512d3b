"""The whole way of an alert: pools are scraped by a real Prometheus, its rules fire, and a real Alertmanager calls a webhook.

Run by `make test-operators`; needs the Debian packages prometheus and prometheus-alertmanager.
"""

from __future__ import annotations

import http.server
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import evscale
import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
LONGEST_SECONDS = 60
START = datetime(2026, 1, 5, tzinfo=timezone.utc)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> http.server.ThreadingHTTPServer:
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    return service


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: run make setup-system"
    return found


def eventually(ask: Callable[[], Any], what: str) -> Any:
    """Returns the first answer that is something."""
    limit = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < limit:
        try:
            if found := ask():
                return found
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"nothing in {LONGEST_SECONDS} s: {what}")


class Pools:
    """Pools with a history of two days, one of which is advised only, exported by a small web server of the host's own."""

    def __init__(self) -> None:
        self.fleet, self.steps = evscale.Fleet(), {"orders": 0, "mails": 0, "advised": 0}
        for key in self.steps:
            self.fleet.add(key, evscale.Config(max_jobs=20, interval_seconds=300, decision_interval_seconds=300, job_hour_price=0.1, cost_per_day=500.0,
                                               job_hours_per_day=2000.0, use_networks=False, alerts=["queue_length > 5000"],
                                               mode="advise" if key == "advised" else "act"))
            for _ in range(600):
                self.tick(key)
        self.fleet.observe("orders", self.record("orders", 1.0) | {"timestamp": START})

    def record(self, key: str, load: float, queued: float = 0.0, late: float = 0.0) -> dict[str, Any]:
        self.steps[key] += 1
        count = 2000 * load
        return {"timestamp": START + timedelta(minutes=5 * self.steps[key]), "logged_events_count": count + self.steps[key] % 7, "current_job_count": 8,
                "processed_events_count": count, "queued_events_count": queued, "average_queue_wait_time_ms": 100.0, "sla_violations_count": late,
                "average_processing_duration_ms": 500.0, "cpu_utilization_percent": 60.0}

    def tick(self, key: str, **more: float) -> None:
        self.fleet.tick({key: self.record(key, **({"load": 1.0} | more))})

    def go_blind(self, key: str) -> None:
        """Lets an hour pass without a record."""
        self.fleet.decide(key, START + timedelta(minutes=5 * self.steps[key] + 60))


@pytest.fixture(scope="module")
def pools() -> Pools:
    return Pools()


@pytest.fixture(scope="module")
def exported(pools: Pools) -> Iterator[int]:
    class Metrics(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pools.fleet.openmetrics().encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    service = serving(Metrics)
    yield service.server_address[1]
    service.shutdown()


@pytest.fixture(scope="module")
def called() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    told: list[dict[str, Any]] = []

    class Webhook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    service = serving(Webhook)
    yield service.server_address[1], told
    service.shutdown()


@pytest.fixture(scope="module")
def query(exported: int, called: tuple[int, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], list[Any]]]:
    folder, port, alerting, gossip = tmp_path_factory.mktemp("prometheus"), free_port(), free_port(), free_port()
    (folder / "alertmanager.yml").write_text(json.dumps({
        "route": {"receiver": "page", "group_by": ["alertname", "pool"], "group_wait": "1s", "group_interval": "1s"},
        "receivers": [{"name": "page", "webhook_configs": [{"url": f"http://127.0.0.1:{called[0]}/"}]}]}))
    # the rules of the repository, which do not wait for hours here
    rules = []
    for name in ("alerts.yml", "recording.yml"):
        text = (DEPLOY / "prometheus" / name).read_text()
        (folder / name).write_text(re.sub(r"^( +)(for|keep_firing_for): .*$", r"\1\2: 1s", text, flags=re.MULTILINE))
        rules.append(str(folder / name))
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": rules,
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alerting}"]}]}]},
        "scrape_configs": [{"job_name": "pools", "static_configs": [{"targets": [f"127.0.0.1:{exported}"]}]}]}))
    log = (folder / "log").open("w")
    running = [
        subprocess.Popen([tool("prometheus-alertmanager"), f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am",
                          f"--web.listen-address=127.0.0.1:{alerting}", f"--cluster.listen-address=127.0.0.1:{gossip}"], stdout=log, stderr=log),
        subprocess.Popen([tool("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                          f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)]

    def ask(path: str, **parameters: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def of(text: str) -> list[Any]:
        if text == "rules":
            return [rule for group in ask("rules")["groups"] for rule in group["rules"]]
        return list(ask("query", query=text)["result"])

    try:
        yield of
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
        log.close()


def test_what_is_scraped_is_what_the_pools_tell(query: Callable[[str], list[Any]], pools: Pools) -> None:
    for key in pools.steps:
        report = pools.fleet.report(key)
        for metric in evscale.metrics():
            text = f'{metric["exported"]}{{pool="{key}"}}'
            if report[metric["name"]] is not None:
                value = float(eventually(lambda text=text: query(text), text)[0]["value"][1])
                assert value == pytest.approx(report[metric["name"]] * (0.001 if metric["unit"] == "ms" else 1), rel=1e-9), text


def test_every_rule_is_loaded_and_can_be_evaluated(query: Callable[[str], list[Any]]) -> None:
    loaded = eventually(lambda: [rule for rule in query("rules") if rule["health"] == "ok"], "rules")
    assert {rule["name"] for rule in loaded if rule["type"] == "alerting"} > {"EvscaleBlind", "EvscaleHighForecastError", "EvscaleEscalated"}
    eventually(lambda: all(rule["health"] == "ok" for rule in query("rules")), "a rule that cannot be evaluated")
    assert len(loaded) >= 2 + len(evscale.alert_rules())


def test_prometheus_evaluates_every_expression_of_the_dashboard(query: Callable[[str], list[Any]], pools: Pools) -> None:
    page = json.loads((DEPLOY / "grafana/evscale-pools.json").read_text())
    expressions = [target["expr"] for panel in page["panels"] for target in panel.get("targets") or []]
    pools.fleet.decide("orders", START + timedelta(minutes=5 * pools.steps["orders"]))
    never = {"latency_p50_ms", "latency_p99_ms"}
    unknown = {metric["exported"] for metric in evscale.metrics() if metric["name"] in never}
    assert len(expressions) > 60
    for expression in expressions:
        text = expression.replace("$pool", ".*")
        if not any(name in text for name in unknown) and "evscale_pool_alert" not in text:
            eventually(lambda text=text: query(text), text)
        else:
            query(text)


def test_an_alert_reaches_the_webhook_with_its_runbook_and_is_resolved(
    query: Callable[[str], list[Any]], pools: Pools, called: tuple[int, list[dict[str, Any]]]
) -> None:
    _, told = called
    eventually(lambda: query("evscale_pool_age_ratio"), "a scrape")
    pools.go_blind("mails")

    def call(name: str, status: str, pool: str) -> dict[str, Any] | None:
        found = [one for one in told if (one["labels"]["alertname"], one["labels"]["pool"], one["status"]) == (name, pool, status)]
        return found[0] if found else None

    alert = eventually(lambda: call("EvscaleBlind", "firing", "mails"), "the call of the webhook")
    assert alert["labels"]["severity"] == "critical" and alert["annotations"]["summary"].startswith("Pool mails: No usable record")
    page = alert["annotations"]["runbook_url"].rpartition("/docs/")[2]
    assert (DEPLOY.parent / "docs" / page).is_file()
    assert eventually(lambda: query('evscale_pool_alert{alert="blind", pool="mails"} == 1'), "the library's own word")
    eventually(lambda: call("EvscaleEscalated", "firing", "mails"), "the escalation")
    pools.steps["mails"] += 12
    pools.tick("mails")
    eventually(lambda: call("EvscaleBlind", "resolved", "mails"), "the end of the alert")
    pools.tick("orders", queued=9000.0)
    own = eventually(lambda: call("EvscaleOwnThreshold", "firing", "orders"), "a threshold of one's own")
    assert own["labels"]["alert"] == "queue_length > 5000" and own["labels"]["severity"] == "warning"
