"""What sources do with wrong, slow, huge and redirecting servers: a stub that answers what it is told."""

import json
import socket
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import evscale
import numpy as np
import pytest
from evscale.sources import datadog, http, influxdb, prometheus, rabbitmq

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
FIRST = int(START.timestamp())
SECRETS = ("geheim", "s3cret", "hunter2")


class Stub(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        answer = self.server.answer(self) if callable(self.server.answer) else self.server.answer
        if answer is None:
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def stub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    server.daemon_threads = True
    server.seen, server.answer = [], (200, {}, b"{}")
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def matrix(values, result_type="matrix"):
    return json.dumps({"status": "success", "data": {"resultType": result_type, "result": values}}).encode()


def series(count=32, value="7"):
    return [{"metric": {}, "values": [[FIRST - 120 + 120 * i, value] for i in range(count)]}]


def read(stub, **options):
    usual = {"start": START, "end": START + timedelta(hours=1), "kind": "count"}
    return prometheus.read_range(options.pop("url", stub.address), options.pop("query", "x"), **usual | options)


@pytest.mark.parametrize("status, body", [
    (200, b"<html>log in</html>"), (200, b""), (200, b"null"), (200, b"5"), (200, b"[]"), (200, b"{}"), (200, b"[" * 100_000), (200, b"\xff\xfe\x00"),
    (200, b'{"status": "error", "error": "bad"}'), (200, b'{"status": "success"}'), (200, b'{"status": "success", "data": []}'),
    (200, b'{"status": "success", "data": {"result": []}}'), (200, matrix([], "scalar")), (200, matrix([1, "2"], "scalar")), (200, matrix([])),
    (200, matrix([5])), (200, matrix([{"values": 5}])), (200, matrix([{"values": [5]}])), (200, matrix([{"values": [[1, 2, 3]]}])),
    (200, matrix([{"values": [["x", "1"]]}])), (200, matrix([{"values": [[FIRST, "many"]]}])), (200, matrix([{"values": [[FIRST, None]]}])),
    (200, matrix([{"values": [[FIRST, "-4"]]}])), (200, matrix([{"values": [[FIRST + 10**9, "4"]]}])), (200, matrix([{"values": [[1e400, "4"]]}])),
    (200, matrix([{"values": [[FIRST, "1" * 5000]]}])), (200, matrix(series() * 2)), (400, b'{"status": "error", "error": "parse error"}'),
    (401, b"no"), (403, b"no"), (404, b"page not found"), (422, b"{}"), (500, b"\x1b[31mred" + b"x" * 100_000), (503, b""),
])
def test_every_wrong_answer_is_a_refusal(stub, status, body):
    stub.answer = (status, {}, body)
    with pytest.raises(evscale.ArgumentError) as caught:
        read(stub)
    text = str(caught.value)
    assert len(text) < 800 and text.isprintable()


def test_a_right_answer(stub):
    stub.answer = (200, {}, matrix(series()))
    history = read(stub)
    assert (history.start_ms, len(history.events)) == (1000 * (FIRST - 120), 31)


def test_levels_and_unclear_numbers_are_asked_for(stub):
    stub.answer = (200, {}, matrix(series()))
    with pytest.raises(evscale.ArgumentError, match="is a level"):
        read(stub, query="sum(kafka_consumer_lag)", kind=None)
    stub.answer = (200, {}, matrix(series(value="0.123")))
    with pytest.raises(evscale.ArgumentError, match=r"kind='count'.*kind='rate'"):
        read(stub, query="sum(orders)", kind=None)


@pytest.mark.parametrize("options, header, value", [
    ({"token": "s3cret"}, "Authorization", "Bearer s3cret"), ({"user": ("anna", "hunter2")}, "Authorization", "Basic YW5uYTpodW50ZXIy"),
    ({"tenant": "shop"}, "X-Scope-OrgID", "shop"), ({"headers": {"X-Key": "s3cret"}}, "X-Key", "s3cret"),
])
def test_who_asks(stub, options, header, value):
    stub.answer = (200, {}, matrix(series()))
    read(stub, **options)
    assert stub.seen[0][1][header] == value


def test_a_user_in_the_address_is_used_and_never_shown(stub):
    url = stub.address.replace("http://", "http://anna:geheim@") + "/prom/?token=s3cret"
    stub.answer = (200, {}, matrix(series()))
    read(stub, url=url)
    path, headers = stub.seen[0]
    assert path.startswith("/prom/api/v1/query_range?token=s3cret&") and headers["Authorization"] == "Basic YW5uYTpnZWhlaW0="
    for answer in [(200, {}, b"<html>"), (500, {}, b"x"), (302, {"Location": "http://elsewhere.invalid/"}, b""), (401, {}, b"")]:
        stub.answer = answer
        with pytest.raises(evscale.ArgumentError) as caught:
            read(stub, url=url, token="hunter2")
        assert not any(secret in str(caught.value) for secret in SECRETS)
    for wrong in ("http://anna:geheim@127.0.0.1:1/?token=s3cret", "http://anna:geheim@[::1", "ftp://anna:geheim@host/?token=s3cret", "anna:geheim@host"):
        with pytest.raises((evscale.ArgumentError, ConnectionError)) as caught:
            read(stub, url=wrong)
        assert not any(secret in str(caught.value) for secret in SECRETS), str(caught.value)
    assert not any(secret in repr(http.Server(stub.address, token="s3cret", user=("a", "geheim"))) for secret in SECRETS)


def test_redirects_stay_on_the_host(stub):
    stub.answer = lambda asked: (200, {}, matrix(series())) if asked.path.startswith("/new") else (
        307, {"Location": f"/new{asked.path}"}, b"")
    assert len(read(stub, token="s3cret").events) == 31
    for location in ("http://127.0.0.2:80/", "ftp://127.0.0.1/", f"https://127.0.0.1:{stub.server_port}/", "file:///etc/passwd"):
        stub.answer = (302, {"Location": location}, b"")
        with pytest.raises(evscale.ArgumentError, match="redirects to"):
            read(stub)
    stub.answer = lambda asked: (302, {"Location": asked.path}, b"")
    with pytest.raises(evscale.ArgumentError, match="more than 3 redirects"):
        read(stub)


def drip(asked):
    asked.send_response(200)
    asked.end_headers()
    try:
        for _ in range(200):
            asked.wfile.write(b" ")
            asked.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass


def drip_headers(asked):
    try:
        for _ in range(200):
            asked.wfile.write(b"H")
            asked.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass


@pytest.mark.parametrize("answer", [drip, drip_headers, lambda asked: time.sleep(20)])
def test_the_whole_request_has_limited_time(stub, answer):
    stub.answer = answer
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="within 1 s"):
        read(stub, timeout=1.0)
    assert time.monotonic() - began < 5


def test_answers_have_a_limited_size(stub, monkeypatch):
    monkeypatch.setattr(http, "MOST_BYTES", 400)
    stub.answer = (200, {}, matrix(series()))
    with pytest.raises(evscale.ArgumentError, match="expected less"):
        read(stub)


def test_a_server_that_is_none():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        def talk():
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
            connection.close()
        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(evscale.ArgumentError, match="no HTTP answer"):
            prometheus.read_range(f"http://127.0.0.1:{listener.getsockname()[1]}", "x", start=START, end=START + timedelta(hours=1), kind="count")


@pytest.mark.parametrize("bad, words", [
    ({"timeout": 0}, "seconds above 0"), ({"timeout": None}, "seconds above 0"), ({"headers": {"A": "b\r\nC: d"}}, "line end"),
    ({"interval_seconds": 0}, "10 to 3600"), ({"kind": "level"}, "expected 'count'"), ({"start": 5}, "aware datetime"), ({"url": "prometheus:9090"}, "http://"),
])
def test_arguments_are_checked_before_the_request(stub, bad, words):
    with pytest.raises(evscale.ArgumentError, match=words):
        read(stub, **bad)
    assert stub.seen == []


def test_datadog(stub):
    points = [[1000.0 * (FIRST + 300 * i), float(i)] for i in range(12) if i != 5]
    stub.answer = (200, {}, json.dumps({"status": "ok", "series": [{"metric": "orders.count", "pointlist": points, "scope": "*"}]}).encode())
    history = datadog.read_query("sum:orders.count{*}.as_count()", start=START, end=START + timedelta(hours=1), api_key="s3cret", app_key="geheim",
                                 site=stub.address, kind="count")
    assert history.events.tolist() == [0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 10, 11] and history.start_ms == 1000 * FIRST
    assert stub.seen[0][1]["DD-API-KEY"] == "s3cret"
    stub.answer = (403, {}, b'{"errors": ["Forbidden"]}')
    with pytest.raises(evscale.ArgumentError, match="Forbidden") as caught:
        datadog.read_query("x", start=START, end=START + timedelta(hours=1), api_key="s3cret", app_key="geheim", site=stub.address)
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_influxdb(stub):
    rows = [[1000 * (FIRST + 120 * i), 4 + i % 3] for i in range(30) if i != 7]
    stub.answer = (200, {}, json.dumps({"results": [{"series": [{"name": "orders", "columns": ["time", "sum"], "values": rows}]}]}).encode())
    history = influxdb.read_query(stub.address, 'SELECT sum("n") FROM orders WHERE $range GROUP BY time(2m)', database="shop", start=START,
                                  end=START + timedelta(hours=1), token="s3cret")
    assert np.isnan(history.events[7]) and history.events[6:9:2].tolist() == [4, 6] and history.gaps == 1
    assert f"time+%3E%3D+{1000 * FIRST}ms" in stub.seen[0][0]
    stub.answer = (200, {}, b'{"results": [{"error": "database not found: shop"}]}')
    with pytest.raises(evscale.ArgumentError, match="database not found: shop"):
        influxdb.read_query(stub.address, "SELECT 1", database="shop", start=START, end=START + timedelta(hours=1))
    asked = len(stub.seen)
    for query in ("DROP DATABASE shop", "SELECT 1; DROP DATABASE shop"):
        with pytest.raises(evscale.ArgumentError, match="one SELECT"):
            influxdb.read_query(stub.address, query, database="shop", start=START, end=START + timedelta(hours=1))
    assert len(stub.seen) == asked


def test_rabbitmq(stub):
    samples = [{"sample": 100 + 6 * i, "timestamp": 1000 * (FIRST + 60 * i)} for i in range(30)][::-1]
    stub.answer = (200, {}, json.dumps({"name": "o/1", "message_stats": {"publish_details": {"samples": samples}}}).encode())
    history = rabbitmq.read_queue(stub.address, "o/1", user=("guest", "geheim"))
    assert history.events.tolist() == [6] * 29 and stub.seen[0][0].startswith("/api/queues/%2F/o%2F1?msg_rates_age=3600")
    unkept = [{"sample": 0, "timestamp": 1000 * (FIRST - 60 * i)} for i in range(1, 30)]
    stub.answer = (200, {}, json.dumps({"name": "o/1", "message_stats": {"publish_details": {"samples": samples + unkept}}}).encode())
    assert rabbitmq.read_queue(stub.address, "o/1").events.tolist() == [6] * 29
    stub.answer = (200, {}, json.dumps({"name": "o/1", "message_stats": {"publish_details": {"samples": unkept}}}).encode())
    with pytest.raises(evscale.ArgumentError, match="all samples of RabbitMQ are 0"):
        rabbitmq.read_queue(stub.address, "o/1")
    stub.answer = (200, {}, b'{"name": "o/1"}')
    with pytest.raises(evscale.ArgumentError, match="message_stats"):
        rabbitmq.read_queue(stub.address, "o/1")
