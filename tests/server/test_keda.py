"""KEDA's external scaler, asked with a client that knows the published interface alone."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificate, issue
from support import ROOT, Server, free_port, records

Serve = Callable[..., Server]
grpc = pytest.importorskip("grpc")


def message(*fields: tuple[int, object]) -> bytes:
    """Writes a message of strings and messages, by the rules of the wire."""
    out = b""
    for number, value in fields:
        text = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
        out += bytes([number << 3 | 2, len(text)]) + text
    return out


def scaled_object(**metadata: str) -> bytes:
    return message((1, "worker"), (2, "shop"), *((3, message((1, name), (2, value))) for name, value in metadata.items()))


def fields(data: bytes) -> dict[int, Any]:
    """Reads the fields of a message."""
    import struct
    out: dict[int, Any] = {}
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(data):
        tag = varint()
        if tag & 7 == 0:
            out[tag >> 3] = varint()
        elif tag & 7 == 1:
            out[tag >> 3] = struct.unpack("<d", data[place:place + 8])[0]
            place += 8
        else:
            length = varint()
            out[tag >> 3] = data[place:place + length]
            place += length
    return out


@pytest.fixture
def keda(serve: Serve) -> tuple[Server, Callable[..., dict[int, Any]], Any]:
    port = free_port()
    server = serve(f'[pools.a]\nmax_jobs = 40\nmin_jobs = 0\n[listen]\nkeda_address = "127.0.0.1:{port}"\n')
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def ask(method: str, request: bytes) -> dict[int, Any]:
        return fields(channel.unary_unary(f"/externalscaler.ExternalScaler/{method}")(request, timeout=10))

    return server, ask, channel


def test_the_metric_is_the_number_of_jobs_and_one_job_is_one(keda: Any) -> None:
    server, ask, _ = keda
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    jobs = server.expect("GET", "/scaling_decision")["recommended_jobs"]
    spec = fields(ask("GetMetricSpec", scaled_object(pool="a"))[1])
    assert spec == {1: b"evscale-a", 2: 1, 3: 1.0}
    metrics = fields(ask("GetMetrics", message((1, scaled_object(pool="a")), (2, "evscale-a")))[1])
    assert metrics == {1: b"evscale-a", 2: jobs, 3: float(jobs)}
    assert ask("IsActive", scaled_object(pool="a")) == {1: 1}


def test_what_is_not_known_is_an_error_and_never_zero(keda: Any) -> None:
    _, ask, _ = keda
    for request, code in [(scaled_object(), "INVALID_ARGUMENT"), (scaled_object(pool="b"), "NOT_FOUND"), (scaled_object(pool="a"), "UNAVAILABLE")]:
        with pytest.raises(grpc.RpcError) as refused:
            ask("IsActive", request)
        assert refused.value.code().name == code


def test_a_pool_that_only_advises_scales_nothing(serve: Serve) -> None:
    port = free_port()
    server = serve(f'[pools.a]\nmax_jobs = 40\nmode = "advise"\n[listen]\nkeda_address = "127.0.0.1:{port}"\n')
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    assert server.expect("GET", "/scaling_decision")["recommended_jobs"] is not None, "the advice is told elsewhere"
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    requests = [("IsActive", scaled_object(pool="a")), ("GetMetrics", message((1, scaled_object(pool="a")), (2, "evscale-a")))]
    for method, request in requests:
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(f"/externalscaler.ExternalScaler/{method}")(request, timeout=10)
        assert refused.value.code().name == "FAILED_PRECONDITION" and "advise" in refused.value.details()


def test_a_change_to_none_and_back_is_streamed(keda: Any) -> None:
    server, _, channel = keda
    server.expect("POST", "/update_metrics", records(1, 1)[0])
    stream = channel.unary_stream("/externalscaler.ExternalScaler/StreamIsActive")(scaled_object(pool="a"), timeout=20)
    assert fields(next(stream)) == {1: 1}
    server.expect("PUT", "/pools/a/order", {"order": {"fixed": 0}, "until": "2027-01-01T00:00:00Z"})
    assert fields(next(stream)) == {}
    server.expect("PUT", "/pools/a/order", {"order": {"fixed": 4}, "until": "2027-01-01T00:00:00Z"})
    assert fields(next(stream)) == {1: 1}
    stream.cancel()


def test_over_tls_keda_shows_a_certificate_where_one_is_asked_for(serve: Serve, tmp_path: Path) -> None:
    authority, stranger = issue(tmp_path, "authority"), issue(tmp_path, "stranger")
    own, client, foreign = issue(tmp_path, "server", authority), issue(tmp_path, "client", authority), issue(tmp_path, "foreign", stranger)
    port = free_port()
    # HTTP callers show no certificate, so that the pool is fed over TLS as usual
    server = serve(f'''[pools.a]\nmax_jobs = 40\n[listen]\nkeda_address = "127.0.0.1:{port}"
tls_certificate = "{own.chain}"\ntls_key = "{own.key_file}"\nkeda_tls = true\nkeda_client_ca = "{authority.chain}"\n''')
    context = ssl.create_default_context(cafile=str(authority.chain))
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
    connection.request("POST", "/update_metrics", json.dumps(records(1, 1)[0]), {"Content-Type": "application/json"})
    jobs = json.load(connection.getresponse())["decision"]["recommended_jobs"]
    connection.close()

    def asked(shown: Certificate | None) -> int:
        parts = {"private_key": shown.key_file.read_bytes(), "certificate_chain": shown.chain.read_bytes()} if shown else {}
        credentials = grpc.ssl_channel_credentials(root_certificates=authority.chain.read_bytes(), **parts)
        with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
            request = message((1, scaled_object(pool="a")), (2, "evscale-a"))
            answer = channel.unary_unary("/externalscaler.ExternalScaler/GetMetrics")(request, timeout=10)
        return int(fields(fields(answer)[1])[2])

    assert asked(client) == jobs
    for refused in (None, foreign):
        with pytest.raises(grpc.RpcError) as told:
            asked(refused)
        assert told.value.code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.RpcError):
        grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary("/externalscaler.ExternalScaler/IsActive")(scaled_object(pool="a"), timeout=5)


def test_the_code_of_the_interface_is_the_one_written_from_it(tmp_path: Path) -> None:
    """What numbers and types the checked-in code has, against the description."""
    proto = (ROOT / "evscale-server/proto/external_scaler.proto").read_text()
    code = (ROOT / "evscale-server/src/keda/external_scaler.rs").read_text()
    import re
    declared = re.findall(r"^\s+(?:repeated )?[\w<>, ]+ (\w+) = (\d+);", proto, re.MULTILINE)
    tags = re.findall(r'tag = "(\d+)"\)\]\s+pub (?:r#)?(\w+):', code)
    snake = [(re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(), number) for name, number in declared]
    assert sorted(snake) == sorted((name, number) for number, name in tags)
    if shutil.which("protoc"):
        subprocess.run(["protoc", f"--descriptor_set_out={tmp_path}/set", f"-I{ROOT}/evscale-server/proto", "external_scaler.proto"], check=True, stdout=sys.stderr)
