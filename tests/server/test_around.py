"""What is around the server: Prometheus, actuators, the files of a deployment."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support import BINARY, ROOT, Server, free_port, records

Serve = Callable[..., Server]
DEPLOY = ROOT / "deploy"


@pytest.fixture
def tool(missing: Callable[[str], None]) -> Callable[[str], str]:
    def find(name: str) -> str:
        found = shutil.which(name)
        if not found:
            missing(name)
        return str(found)
    return find


def test_prometheus_reads_the_metrics_and_every_expression_of_the_dashboard(serve: Serve, tmp_path: Path, tool: Callable[[str], str]) -> None:
    server = serve("[pools.a]\nmax_jobs = 40\n[pools.b]\n")
    for record in records(1, 30):
        server.expect("POST", "/pools/a/update_metrics", record)
    server.ask("POST", "/pools/a/update_metrics", {})
    server.ask("GET", "/pools", headers={"X-API-Key": "wrong"})
    rules = DEPLOY / "compose/prometheus/evscale-server.rules.yml"
    of_pools = [DEPLOY / "prometheus" / name for name in ("alerts.yml", "recording.yml")]
    subprocess.run([tool("promtool"), "check", "rules", rules, *of_pools], check=True, capture_output=True)
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(rules), *map(str, of_pools)],
        "scrape_configs": [{"job_name": "evscale", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}]}))
    prometheus = subprocess.Popen(
        [tool("prometheus"), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(text: str) -> list[Any]:
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
        return found

    def eventually(text: str, seconds: float = 30) -> list[Any]:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            try:
                if found := query(text):
                    return found
            except OSError:
                pass
            time.sleep(0.3)
        raise AssertionError(f"Prometheus has nothing for {text}")

    try:
        jobs = server.expect("GET", "/pools/a/scaling_decision")["recommended_jobs"]
        assert eventually('evscale_pool_recommended_jobs{pool="a"}')[0]["value"][1] == str(jobs)
        eventually("rate(evscale_records_total[5m])")
        # four of the thirty come late, and two have a field that cannot be
        assert eventually('evscale_pool_share_accepted{pool="a"}')[0]["value"][1] == "0.8"
        assert eventually("evscale:jobs:sum")[0]["value"] and eventually("evscale:sla_compliance_day:min or evscale_pool_age_seconds")
        dashboard = json.loads((DEPLOY / "compose/grafana/dashboards/evscale-server.json").read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        for expression in expressions:
            eventually(expression.replace("$pool", ".*"))
        assert len(expressions) > 20
        server.kill()
        alert = eventually('ALERTS{alertname="EvscaleServerDown"}')
        assert alert[0]["metric"]["severity"] == "critical"
    finally:
        prometheus.terminate()
        prometheus.wait()


class Recorder(http.server.BaseHTTPRequestHandler):
    """Keeps what it is asked, and answers as it is told."""

    asked: ClassVar[list[tuple[str, str, dict[str, str], Any]]] = []
    answer = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
        self.send_response(self.answer)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_PATCH = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[tuple[type[Recorder], int]]:
    handler = type("OwnRecorder", (Recorder,), {"asked": [], "answer": 200})
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield handler, service.server_address[1]
    service.shutdown()


def test_a_hook_is_asked_with_the_key_and_its_failure_is_told(serve: Serve, recorder: Any, tmp_path: Path) -> None:
    handler, port = recorder
    (tmp_path / "token").write_text("secret-token\n")
    server = serve(f'[pools.a]\n[actuators.a]\nkind = "http"\nurl = "http://127.0.0.1:{port}/scale"\ntoken_file = "{tmp_path}/token"\n')
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    done = server.expect("POST", "/execute_scaling", {"key": "k1"})
    assert done["status"] == "done"
    method, path, headers, body = handler.asked[0]
    assert (method, path, headers["idempotency-key"], headers["authorization"]) == ("POST", "/scale", "k1", "Bearer secret-token")
    assert body["jobs"] == done["jobs"] and body["pool"] == "a"
    handler.answer = 500
    failed = server.expect("POST", "/execute_scaling", {"key": "k2"})
    assert failed["status"] == "failed" and "500" in failed["detail"]
    assert server.expect("POST", "/execute_scaling", {"key": "k2"}) == failed and len(handler.asked) == 2
    assert [execution["key"] for execution in server.expect("GET", "/pools/a/executions")] == ["k2", "k1"]


def test_kubernetes_is_asked_for_the_scale_of_the_workload(serve: Serve, recorder: Any) -> None:
    """Against the request that the Kubernetes API documents for `patch … /scale`; there is no cluster here."""
    handler, port = recorder
    server = serve(f'[pools.a]\n[actuators.a]\nkind = "kubernetes"\nurl = "http://127.0.0.1:{port}"\nnamespace = "shop"\nname = "worker"\nautomatic = true\n')
    answer = server.expect("POST", "/update_metrics", records(1, 1)[0])
    limit = time.monotonic() + 10
    while not handler.asked and time.monotonic() < limit:
        time.sleep(0.02)
    method, path, headers, body = handler.asked[0]
    assert (method, path, headers["content-type"]) == ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/worker/scale", "application/merge-patch+json")
    assert body == {"spec": {"replicas": answer["decision"]["recommended_jobs"]}}
    time.sleep(0.2)
    assert server.expect("GET", "/pools/a/executions")[0]["status"] == "done"


def test_what_was_accepted_before_a_kill_is_carried_out_after_the_start(serve: Serve, recorder: Any) -> None:
    handler, port = recorder
    slow = threading.Event()
    quick = handler.do_POST

    def hanging(self: Recorder) -> None:
        if not slow.is_set():
            slow.set()
            time.sleep(5)
        else:
            quick(self)

    handler.do_POST = hanging
    server = serve(f'[pools.a]\n[actuators.a]\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\n')
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    threading.Thread(target=lambda: pytest.raises((OSError, http.client.HTTPException), server.another().ask, "POST", "/execute_scaling", {"key": "k"}), daemon=True).start()
    assert slow.wait(10)
    server.kill()
    server.start()
    limit = time.monotonic() + 10
    while not handler.asked and time.monotonic() < limit:
        time.sleep(0.02)
    assert [asked[2]["idempotency-key"] for asked in handler.asked] == ["k"]
    time.sleep(0.2)
    assert server.expect("GET", "/pools/a/executions/k")["status"] == "done"


def test_records_that_stay_away_are_noticed_by_the_servers_clock(serve: Serve) -> None:
    """An interval of 10 s: after three of them without a record the data are stale."""
    server = serve('[pools.a]\ninterval_seconds = 10\ndecision_interval_seconds = 10\nstale_after_seconds = 12\n[clock]\nsource = "wall"\n')
    now = time.time()
    for back in (20, 10, 0):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - back))
        server.expect("POST", "/update_metrics", {"timestamp": at, "logged_events_count": 300, "current_job_count": 4, "average_processing_duration_ms": 50})
    before = server.expect("GET", "/scaling_decision")["decided_at"]
    limit = time.monotonic() + 40
    while server.expect("GET", "/pools/a/health")["data_quality"] not in ("missing", "late") and time.monotonic() < limit:
        time.sleep(0.5)
    assert server.expect("GET", "/pools/a/health")["data_quality"] in ("missing", "late")
    assert server.expect("GET", "/scaling_decision")["decided_at"] > before


def test_the_files_of_a_deployment_name_what_there_is(tmp_path: Path) -> None:
    """Settings in the examples are read by the server; ports, routes and options are those it has."""
    example = (DEPLOY / "evscale.toml").read_text()
    (tmp_path / "keys.toml").write_text("")
    example = example.replace("/etc/evscale/keys.toml", str(tmp_path / "keys.toml"))
    uncommented = re.sub(r"^#(\[|\w+ = )", r"\1", example, flags=re.MULTILINE)
    uncommented = re.sub(r"^tls_.*$", "", uncommented, flags=re.MULTILINE)
    for number, text in enumerate((example, uncommented)):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        checked = subprocess.run([BINARY, "check", "--config", path], capture_output=True, text=True, env={**os.environ}, check=False)
        assert checked.returncode == 0, checked.stderr
    documented = set(re.findall(r"`(EVSCALE_\w+)`", (ROOT / "docs/server-settings.md").read_text()))
    for path in [DEPLOY / "Containerfile", DEPLOY / "compose/compose.yaml", DEPLOY / "helm/evscale-server/templates/statefulset.yaml"]:
        named = {name.removesuffix("_FILE") for name in re.findall(r"\bEVSCALE_[A-Z_]+", path.read_text())}
        assert named and named <= documented, path
    metrics = set(re.findall(r"evscale_\w+", (DEPLOY / "compose/prometheus/evscale-server.rules.yml").read_text()))
    assert metrics, "rules name metrics"


def test_the_systemd_unit_is_one(tool: Callable[[str], str], tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd/evscale-server.service").read_text().replace("/usr/local/bin/evscale-server", str(BINARY))
    (tmp_path / "evscale-server.service").write_text(unit)
    checked = subprocess.run([tool("systemd-analyze"), "verify", tmp_path / "evscale-server.service"], capture_output=True, text=True, check=False)
    said = [line for line in checked.stderr.splitlines() if "evscale-server.service" in line]
    assert not said, said
