"""Every route, and what is promised of them."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import re
import subprocess
import threading
from collections.abc import Callable

import pytest
from support import BINARY, ROOT, Server, all_decisions, records

Serve = Callable[..., Server]


def test_every_route_of_the_description_answers_as_the_deployment_check_expects(serve: Serve) -> None:
    server = serve()
    checked = subprocess.run([BINARY, "verify", f"http://127.0.0.1:{server.port}", "--changes"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    described = {(method.upper(), path) for path, methods in server.expect("GET", "/openapi.json")["paths"].items() for method in methods}
    # the short forms of a single pool
    server.expect("PUT", "/pools/only", {}, 201)
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    server.expect("POST", "/outcomes", {"timestamp": "2026-01-05T00:00:00Z", "ready": 1})
    server.expect("POST", "/execute_scaling", {"key": "k"})
    for path in ("/forecast", "/scaling_decision"):
        server.expect("GET", path)
    metrics = server.raw("GET", "/metrics")[2].decode()
    asked = {(method, path) for method, path in re.findall(r'http_requests_total\{method="(\w+)",route="([^"]+)"', metrics)}
    streams = {("GET", "/events"), ("GET", "/pools/{pool}/events")}
    assert described - asked - streams == set()


def test_the_description_is_valid_and_the_one_in_the_repository(serve: Serve) -> None:
    written = subprocess.run([BINARY, "openapi"], capture_output=True, text=True, check=True).stdout
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(json.loads(written))
    assert json.loads((ROOT / "evscale-server/openapi.json").read_text()) == json.loads(written), "run `evscale-server openapi > evscale-server/openapi.json`"


def test_a_record_may_be_nested_and_an_answer_has_the_librarys_json(serve: Serve) -> None:
    server = serve()
    flat, nested = records(3, 1)[0], {**records(3, 1)[0]}
    for name in ("flat", "nested"):
        server.expect("PUT", f"/pools/{name}", {"max_jobs": 40}, 201)
    at = nested.pop("timestamp")
    one = server.expect("POST", "/pools/flat/update_metrics", flat)
    other = server.expect("POST", "/pools/nested/update_metrics", {"timestamp": at, "metrics": nested})
    assert one["decision"] == other["decision"] == server.expect("GET", "/pools/flat/scaling_decision")
    assert one["observation"]["verdict"] == "accepted" and one["seq"] == 2
    by_minutes = server.expect("GET", "/pools/flat/forecast")["horizons"]
    by_intervals = server.expect("GET", "/pools/flat/forecast?keys=intervals")["horizons"]
    assert by_intervals["6_intervals"] == by_minutes["12"] and by_intervals["24_intervals"] == by_minutes["48"]


def test_refusals_name_what_is_wrong(serve: Serve) -> None:
    server = serve()
    server.expect("PUT", "/pools/a", {}, 201)
    server.expect("PUT", "/pools/b", {}, 201)
    record = records(1, 1)[0]
    cases = [
        ("POST", "/update_metrics", record, 409, "many_pools"),
        ("POST", "/pools/c/update_metrics", record, 404, "unknown_pool"),
        ("POST", "/pools/a/update_metrics", {**record, "job_count": 3}, 400, "invalid_argument"),
        ("POST", "/pools/a/update_metrics", {**record, "metrics": {"logged_events_count": 3}}, 400, "invalid_argument"),
        ("POST", "/pools/a/update_metrics", [record], 400, "invalid_argument"),
        ("PUT", "/pools/a", {"min_jobs": 9, "max_jobs": 4}, 400, "invalid_config"),
        ("PUT", "/pools/a%20b", {}, 400, "invalid_argument"),
        ("PUT", "/pools/a/order", {"order": {"fixed": 7000}, "until": "2027-01-01T00:00:00Z"}, 400, "invalid_argument"),
        ("POST", "/pools/a/execute_scaling", {"key": "k"}, 409, "no_decision"),
        ("POST", "/pools/a/execute_scaling", {"key": ""}, 400, "invalid_argument"),
        ("GET", "/pools/a/forecast?keys=years", None, 400, "invalid_argument"),
        ("GET", "/pools/a/records?limit=0", None, 400, "invalid_argument"),
        ("GET", "/pools/a/executions/k", None, 404, "unknown_execution"),
        ("PATCH", "/pools/a", None, 405, "method_not_allowed"),
        ("GET", "/nothing", None, 404, "unknown_route"),
    ]
    for method, path, body, status, kind in cases:
        found, answer = server.ask(method, path, body)
        assert (found, answer["error"]["kind"]) == (status, kind), (method, path, answer)
        assert answer["error"]["message"]
    status, answer = server.ask("POST", "/pools/a/update_metrics", record, {"Content-Type": "text/plain"})
    assert status == 415 and "application/json" in answer["error"]["message"]


def test_an_execution_is_accepted_once_per_key_also_by_many_at_once(serve: Serve) -> None:
    server = serve('[actuators.a]\nkind = "command"\ncommand = ["sh", "-c", "echo {jobs} >> made"]\n[pools.a]\nmax_jobs = 40\n')
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    decision = server.expect("GET", "/scaling_decision")

    def execute(_: int) -> object:
        return server.another().expect("POST", "/execute_scaling", {"key": "once", "decided_at": decision["decided_at"]})

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(execute, range(24)))
    assert {answer["jobs"] for answer in answers} == {decision["recommended_jobs"]}
    ended = server.expect("GET", "/pools/a/executions/once")
    assert ended["status"] == "done", ended
    assert (server.folder / "made").read_text() == f"{decision['recommended_jobs']}\n"
    status, answer = server.ask("POST", "/execute_scaling", {"key": "other", "decided_at": "2020-01-01T00:00:00Z"})
    assert status == 409 and answer["error"]["kind"] == "other_decision"


def test_a_pause_and_an_order_act_and_are_in_the_audit_log(serve: Serve) -> None:
    server = serve("[pools.a]\nmax_jobs = 40\n")
    for record in records(1, 5):
        server.expect("POST", "/update_metrics", record)
    ordered = server.expect("PUT", "/pools/a/order", {"order": {"fixed": 31}, "until": "2027-01-01T00:00:00Z"})
    assert ordered["decision"]["recommended_jobs"] == 31
    assert server.expect("GET", "/pools/a")["order"]["order"] == {"fixed": 31}
    server.expect("DELETE", "/pools/a/order")
    held = server.expect("PUT", "/pools/a/pause", {"pause": "all"})["decision"]
    assert held["recommended_jobs"] == held["current_jobs"]
    actions = [row["action"] for row in server.expect("GET", "/audit")]
    assert actions[:3] == ["pause", "order", "order"] and "create" in actions
    assert len(all_decisions(server, "a")) >= 3


def test_what_is_announced_is_planned_for_until_it_is_taken_back(serve: Serve) -> None:
    server = serve("[pools.a]\nmax_jobs = 60\n")
    for record in records(1, 60):
        server.expect("POST", "/update_metrics", record)
    before = server.expect("GET", "/scaling_decision")["recommended_jobs"]
    event = {"start": "2026-01-05T02:00:00Z", "end": "2026-01-05T02:50:00Z", "what": {"min_jobs": 50}}
    announced = server.expect("POST", "/pools/a/announcements", event)
    assert announced["decision"]["recommended_jobs"] >= 50 > before
    assert server.expect("GET", "/pools/a/announcements")[0]["id"] == announced["announcement"]
    server.expect("DELETE", f"/pools/a/announcements/{announced['announcement']}")
    assert server.ask("DELETE", "/pools/a/announcements/77")[0] == 400
    assert server.ask("DELETE", "/pools/a/announcements/x")[0] == 400


def test_what_falls_due_and_the_classes_of_events_are_known(serve: Serve) -> None:
    classes = ('classes = [{name = "alerts", service_time_seconds = 0.5, sla_wait_seconds = 5}, '
               '{name = "exports", service_time_seconds = 10, sla_wait_seconds = 3600, priority = 1}]\n')
    server = serve(f"[pools.a]\nmax_jobs = 60\n[pools.b]\nmax_jobs = 7\n{classes}")
    for number, record in enumerate(records(1, 60)):
        server.expect("POST", "/pools/a/update_metrics", record)
        one = {"logged_events_count": 1200, "processed_events_count": 1200, "queued_events_count": 0, "sla_violations_count": 0}
        other = {"logged_events_count": 60, "processed_events_count": 24, "queued_events_count": 36 * number}
        server.expect("POST", "/pools/b/update_metrics", {
            "timestamp": record["timestamp"], "logged_events_count": 1260, "current_job_count": 7, "classes": {"alerts": one, "exports": other}})
    assert "what waits is exports" in server.expect("GET", "/pools/b/scaling_decision")["explanation"]
    now = records(60, 61)[0]["timestamp"]
    before = server.expect("GET", "/pools/a/scaling_decision")["recommended_jobs"]
    known = server.expect("PUT", "/pools/a/due", {"now": now, "due": [{"at": records(61, 62)[0]["timestamp"], "events": 30_000}]})
    assert known["decision"]["recommended_jobs"] > before
    assert server.expect("GET", "/pools/a/health")["announced"][0].startswith("due: 30000 events fall due at")
    server.expect("PUT", "/pools/a/due", {"now": now, "due": []})
    assert server.expect("GET", "/pools/a/health")["announced"] == []
    assert server.ask("PUT", "/pools/a/due", {"now": now, "due": [{"at": now, "events": -1}]})[0] == 400
    assert server.ask("PUT", "/pools/a/due", {"due": []})[0] == 400


def test_alerts_fire_are_told_by_pool_and_can_be_silenced(serve: Serve) -> None:
    server = serve('[pools.a]\nmax_jobs = 40\nalerts = ["queue_length > 500 for 0s critical"]\n[pools.b]\n')
    for record in records(1, 3):
        server.expect("POST", "/pools/a/update_metrics", {**record, "queued_events_count": 900})
    name = "queue_length > 500 for 0s critical"
    alerts = {alert["name"]: alert for alert in server.expect("GET", "/pools/a/alerts")}
    assert alerts[name]["state"] == "firing" and alerts[name]["silenced_until"] is None
    by_pool = server.expect("GET", "/alerts")
    assert list(by_pool) == ["a"] and name in [alert["name"] for alert in by_pool["a"]]
    server.expect("PUT", "/pools/a/silence", {"alert": name, "until": "2026-01-06T00:00:00Z"})
    silenced = {alert["name"]: alert for alert in server.expect("GET", "/pools/a/alerts")}
    assert silenced[name]["silenced_until"] == "2026-01-06T00:00:00Z"
    status, answer = server.ask("PUT", "/pools/a/silence", {"alert": "no_such", "until": None})
    assert status == 400 and "no_such" in answer["error"]["message"]


def test_what_a_pool_has_learned_and_how_it_is_doing_can_be_read(serve: Serve) -> None:
    server = serve("[pools.a]\nmax_jobs = 40\n")
    assert server.expect("GET", "/pools/a/learned")["newest_record"] is None
    sent = [{**record, "average_processing_duration_ms": 400} for record in records(1, 20)]
    for record in sent:
        server.expect("POST", "/update_metrics", record)
    learned = server.expect("GET", "/pools/a/learned")
    assert 390 < learned["service_time_ms"] < 410 and learned["newest_record"] == sent[-1]["timestamp"]
    assert learned["jobs"] == sent[-1]["current_job_count"] and learned["rule"]
    report = server.expect("GET", "/pools/a/report")
    assert report["at"] == sent[-1]["timestamp"] and report["jobs"] == learned["jobs"]
    for path in ("alerts", "learned", "report", "models"):
        assert server.ask("GET", f"/pools/nobody/{path}")[0] == 404


def test_changes_are_streamed_over_websocket(serve: Serve) -> None:
    websocket = pytest.importorskip("websocket")
    server = serve("[pools.a]\n[pools.b]\n[limits]\nstreams = 2\n")
    base = f"ws://127.0.0.1:{server.port}"
    all_pools = websocket.create_connection(f"{base}/events/socket", timeout=10, suppress_origin=True)
    one_pool = websocket.create_connection(f"{base}/pools/a/events/socket", timeout=10, origin=f"http://127.0.0.1:{server.port}")
    with pytest.raises(websocket.WebSocketBadStatusException, match="503"):
        websocket.create_connection(f"{base}/events/socket", timeout=10, suppress_origin=True)
    one_pool.send("what is sent is not looked at")
    for pool in "ba":
        server.expect("POST", f"/pools/{pool}/update_metrics", records(1, 1)[0])
    told = [json.loads(all_pools.recv()) for _ in "ba"]
    assert [event["pool"] for event in told] == ["b", "a"]
    assert json.loads(one_pool.recv()) == told[1] and told[1]["decision"]["recommended_jobs"] >= 1
    for connection in (all_pools, one_pool):
        connection.close()
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(f"{base}/events/socket", timeout=10, origin="https://evil.example")
    with pytest.raises(websocket.WebSocketBadStatusException, match="404"):
        websocket.create_connection(f"{base}/pools/nobody/events/socket", timeout=10, suppress_origin=True)


def test_changes_are_streamed(serve: Serve) -> None:
    server = serve("[pools.a]\n[pools.b]\n")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/pools/a/events")
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    sender = threading.Timer(0.2, lambda: [server.expect("POST", f"/pools/{pool}/update_metrics", records(1, 1)[0]) for pool in "ba"])
    sender.start()
    lines = [answer.readline().decode().strip() for _ in range(2)]
    sender.join()
    assert lines[0] == "event: record"
    event = json.loads(lines[1].removeprefix("data: "))
    assert event["pool"] == "a" and event["decision"]["recommended_jobs"] >= 1
    connection.close()


def test_a_batch_answers_each_record_for_itself(serve: Serve) -> None:
    server = serve("[pools.a]\n[pools.b]\n")
    one = records(1, 2)
    answer = server.expect("POST", "/batch", {"records": [
        {"pool": "a", "record": one[0]}, {"pool": "nobody", "record": one[0]}, {"pool": "b", "record": {"timestamp": "x"}},
        {"pool": "b", "record": one[0]}, {"pool": "a", "record": one[1]}]})
    kinds = [result.get("error", {}).get("kind") for result in answer["results"]]
    assert kinds == [None, "unknown_pool", "invalid_argument", None, None]
    assert answer["results"][4]["seq"] == 3


def test_pools_of_the_file_win_over_what_was_set_before(serve: Serve) -> None:
    server = serve("[pools.a]\nmax_jobs = 40\n")
    server.expect("PUT", "/pools/a", {"max_jobs": 20})
    server.stop()
    server.start()
    assert server.expect("GET", "/pools/a")["config"]["max_jobs"] == 40
    assert server.expect("GET", "/health")["status"] == "healthy"
    assert server.stop() == 0
