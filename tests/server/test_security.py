"""Who is let in, and what those who are not can do to the others."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import Certificate, issue
from support import Server, key, records

Serve = Callable[..., Server]
POOLS = "[pools.a]\n[pools.b]\n"


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    made = {name: key(tmp_path, name, role, *pools) for name, role, pools in
            [("reader", "read", ()), ("writer", "write", ()), ("operator", "operate", ()), ("scoped", "operate", ("a",))]}
    (tmp_path / "keys.toml").write_text("\n".join(entry for _, entry in made.values()))
    return {name: text for name, (text, _) in made.items()} | {"file": str(tmp_path / "keys.toml")}


def with_keys(keys: dict[str, str]) -> str:
    return POOLS + f'[security]\nkeys_file = "{keys["file"]}"\n'


def test_roles_allow_what_they_say_and_nothing_more(serve: Serve, keys: dict[str, str]) -> None:
    server = serve(with_keys(keys))
    order = {"order": {"fixed": 3}, "until": "2027-01-01T00:00:00Z"}
    asked = [("GET", "/pools/a/forecast", None), ("POST", "/pools/a/update_metrics", records(1, 1)[0]), ("PUT", "/pools/a/order", order), ("GET", "/audit", None)]
    expected = {None: [401, 401, 401, 401], "reader": [200, 403, 403, 403], "writer": [200, 200, 403, 403], "operator": [200, 200, 200, 200]}
    for name, statuses in expected.items():
        server.key = keys.get(name or "")
        assert [server.ask(*request)[0] for request in asked] == statuses, name
    server.key = None
    for path in ("/health", "/ready", "/alive", "/", "/openapi.json"):
        assert server.raw("GET", path)[0] == 200
    for path in ("/health/detailed", "/metrics", "/pools", "/events", "/caller"):
        assert server.raw("GET", path)[0] == 401


def test_wrong_keys_are_refused_and_not_taken_for_none(serve: Serve, keys: dict[str, str]) -> None:
    server = serve(with_keys(keys).replace("[security]", '[security]\nanonymous_role = "read"'))
    assert server.ask("GET", "/pools")[0] == 200
    good = keys["operator"]
    for headers in ({"X-API-Key": good[:-1]}, {"X-API-Key": good + "0"}, {"X-API-Key": ""}, {"Authorization": f"Basic {good}"},
                    {"Authorization": "Bearer "}, {"Authorization": good}, {"Authorization": "Bearer evs_"}, {"X-API-Key": "é"}):
        assert server.ask("GET", "/pools", headers={name: value.encode("utf-8").decode("latin-1") for name, value in headers.items()})[0] == 401, headers
    assert server.ask("GET", "/caller", headers={"X-API-Key": good})[1] == {"name": "operator", "role": "operate"}


def test_a_key_for_some_pools_touches_no_other(serve: Serve, keys: dict[str, str]) -> None:
    server = serve(with_keys(keys))
    server.key = keys["scoped"]
    assert server.ask("POST", "/pools/a/update_metrics", records(1, 1)[0])[0] == 200
    for request in [("GET", "/pools/b"), ("POST", "/pools/b/update_metrics", records(1, 1)[0]), ("DELETE", "/pools/b"), ("PUT", "/pools/c", {})]:
        assert server.ask(*request)[0] == 403, request
    assert [pool["pool"] for pool in server.expect("GET", "/pools")] == ["a"]
    assert list(server.expect("GET", "/health/detailed")["pools"]) == ["a"]
    batch = server.expect("POST", "/batch", {"records": [{"pool": "b", "record": records(1, 1)[0]}]})
    assert batch["results"][0]["error"]["kind"] == "forbidden"
    assert all(row["pool"] in ("a", "") for row in server.expect("GET", "/audit"))


def test_keys_are_read_again_and_a_broken_file_changes_nothing(serve: Serve, keys: dict[str, str]) -> None:
    server = serve(with_keys(keys))
    file = Path(keys["file"])
    text = file.read_text()

    def reloaded(said: str) -> None:
        assert server.process
        before = server.said().count(said)
        server.process.send_signal(signal.SIGHUP)
        limit = time.monotonic() + 10
        while server.said().count(said) == before:
            assert time.monotonic() < limit
            time.sleep(0.02)

    file.write_text("[[keys]\n")
    reloaded("keys: cannot be read again")
    server.key = keys["reader"]
    assert server.ask("GET", "/pools")[0] == 200
    file.write_text("\n".join("[[keys]]" + part for part in text.split("[[keys]]") if part.strip() and '"reader"' not in part))
    reloaded("keys: read again")
    assert server.ask("GET", "/pools")[0] == 401


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def test_tokens(serve: Serve, tmp_path: Path) -> None:
    jwt = pytest.importorskip("jwt")
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    ours, other = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
    numbers = ours.public_key().public_numbers()
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [
        {"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}]}))
    server = serve(POOLS + f'[security]\njwks_file = "{tmp_path}/jwks.json"\njwt_issuer = "https://issuer"\njwt_audience = "evscale"\n')
    claims = {"iss": "https://issuer", "aud": "evscale", "sub": "ann", "role": "write", "exp": int(time.time()) + 600}

    def status(claims: dict[str, object], signer: object = ours, algorithm: str = "RS256", kid: str = "k1", path: str = "/caller") -> tuple[int, object]:
        token = jwt.encode(claims, signer, algorithm, headers={"kid": kid})
        return server.ask("GET", path, headers={"Authorization": f"Bearer {token}"})

    assert status(claims) == (200, {"name": "token:ann", "role": "write"})
    assert status({**claims, "role": ["read", "operate"]})[1] == {"name": "token:ann", "role": "operate"}
    assert status({**claims, "pools": ["a"]}, path="/pools/b")[0] == 403
    for wrong in ({"iss": "https://other"}, {"aud": "other"}, {"exp": int(time.time()) - 60}, {"nbf": int(time.time()) + 600}, {"role": "root"}, {"pools": "a"}):
        assert status({**claims, **wrong})[0] == 401, wrong
    for name in ("iss", "aud", "exp", "sub", "role"):
        assert status({key: value for key, value in claims.items() if key != name})[0] == 401, name
    assert status(claims, other)[0] == 401 and status(claims, kid="k2")[0] == 401
    # a token that is "signed" by the public key as a shared secret, and one that is not signed at all
    assert status(claims, json.dumps({"n": _number(numbers.n)}) * 2, "HS256")[0] == 401
    assert status(claims, None, "none")[0] == 401


def test_nobody_is_let_in_from_elsewhere_without_keys(tmp_path: Path) -> None:
    server = Server(tmp_path / "open", POOLS)
    server.config.write_text(server.config.read_text().replace("127.0.0.1", "0.0.0.0"))
    with pytest.raises(AssertionError, match="security.keys_file"):
        server.start()


def test_who_asks_too_often_is_refused_and_others_are_not(serve: Serve, keys: dict[str, str]) -> None:
    server = serve(with_keys(keys) + "requests_per_second = 20\nburst = 40\n")
    server.key = keys["reader"]
    statuses = [server.ask("GET", "/pools")[0] for _ in range(120)]
    assert statuses[:20] == [200] * 20 and statuses.count(429) > 40
    status, headers, _ = server.raw("GET", "/pools")
    assert status == 429 and headers["retry-after"] == "1"
    server.key = keys["writer"]
    assert server.ask("GET", "/pools")[0] == 200
    # guesses count by address
    guesses = [server.ask("GET", "/pools", headers={"X-API-Key": f"evs_{guess}"})[0] for guess in range(120)]
    assert set(guesses) == {401, 429}


def test_large_bodies_are_refused(serve: Serve) -> None:
    server = serve(POOLS + "[limits]\nbody_bytes = 20000\n")
    for body in (b"[" * 30_000, b'{"x": "' + b"x" * 30_000 + b'"}'):
        status, _, answer = server.raw("POST", "/pools/a/update_metrics", body, {"Content-Type": "application/json"})
        assert status == 413 and json.loads(answer)["error"]["kind"] == "too_large"
        server.hang_up()
    deep = b"[" * 15_000 + b"]" * 4_000
    assert server.raw("POST", "/pools/a/update_metrics", deep, {"Content-Type": "application/json"})[0] == 400
    chunked = socket.create_connection(("127.0.0.1", server.port))
    chunked.sendall(b"POST /pools/a/update_metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        for _ in range(40):
            chunked.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
        told = chunked.recv(4096)
    except OSError:
        told = b" 413 "
    assert b" 413 " in told
    assert server.ask("GET", "/pools")[0] == 200


def test_slow_clients_are_cut_off_and_others_are_served_meanwhile(serve: Serve) -> None:
    server = serve(POOLS + "[limits]\nheader_seconds = 1\nrequest_seconds = 2\n")
    heads, bodies = [], []
    for _ in range(150):
        slow = socket.create_connection(("127.0.0.1", server.port))
        slow.sendall(b"GET /pools HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        heads.append(slow)
        slow = socket.create_connection(("127.0.0.1", server.port))
        slow.sendall(b"POST /pools/a/update_metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{")
        bodies.append(slow)
    worst = 0.0
    for record in records(1, 40):
        began = time.monotonic()
        server.expect("POST", "/pools/a/update_metrics", record)
        worst = max(worst, time.monotonic() - began)
    print(f"\nslowest of 40 records beside 300 slow clients: {1000 * worst:.0f} ms")
    assert worst < 1.0
    time.sleep(max(0.0, 4.0))
    for slow in heads + bodies:
        slow.settimeout(5)
        told = slow.recv(4096)
        assert told == b"" or b" 408 " in told, told
        slow.close()


def test_a_flood_of_wrong_keys_harms_nobody_else(serve: Serve, keys: dict[str, str]) -> None:
    server = serve(with_keys(keys) + "requests_per_second = 500\nburst = 500\n")
    until, statuses = time.monotonic() + 4, []

    def flood() -> None:
        own = server.another()
        while time.monotonic() < until:
            status, _, _ = own.raw("GET", "/pools", headers={"X-API-Key": "evs_guess"})
            statuses.append(status)

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    server.key, times = keys["writer"], []
    for record in records(1, 60):
        began = time.monotonic()
        server.expect("POST", "/pools/a/update_metrics", record)
        times.append(time.monotonic() - began)
    for thread in threads:
        thread.join()
    print(f"\n{len(statuses)} wrong keys, {statuses.count(429)} of them too often; 60 records meanwhile: median {1000 * sorted(times)[30]:.0f}, slowest {1000 * max(times):.0f} ms")
    assert set(statuses) <= {401, 429} and max(times) < 2.0


def test_connections_beyond_the_limit_are_closed(serve: Serve) -> None:
    server = serve(POOLS + "[limits]\nconnections = 20\n")
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    time.sleep(0.2)
    one_more = socket.create_connection(("127.0.0.1", server.port))
    one_more.settimeout(5)
    assert one_more.recv(10) == b""
    for connection in held:
        connection.close()
    time.sleep(0.2)
    assert server.ask("GET", "/pools")[0] == 200


def subject(port: int, authority: Certificate, client: Certificate | None = None) -> tuple[str, int]:
    """Asks over TLS; returns whose certificate the server showed, and the status of its answer."""
    context = ssl.create_default_context(cafile=str(authority.chain))
    if client:
        context.load_cert_chain(client.chain, client.key_file)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    try:
        connection.request("GET", "/pools")
        answer = connection.getresponse()
        return connection.sock.getpeercert()["subject"][0][0][1], answer.status
    finally:
        connection.close()


def read_again(server: Server) -> None:
    assert server.process
    before = server.said().count("certificate: ")
    server.process.send_signal(signal.SIGHUP)
    limit = time.monotonic() + 10
    while server.said().count("certificate: ") == before:
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_tls_and_a_new_certificate(serve: Serve, tmp_path: Path) -> None:
    authority = issue(tmp_path, "authority")
    own = issue(tmp_path, "first", authority)
    server = serve(POOLS + f'[listen]\ntls_certificate = "{own.chain}"\ntls_key = "{own.key_file}"\n')
    assert subject(server.port, authority) == ("first", 200)
    with pytest.raises((http.client.HTTPException, OSError)):
        server.raw("GET", "/pools")
    new = issue(tmp_path, "second", authority)
    shutil.copy(new.chain, own.chain)
    shutil.copy(new.key_file, own.key_file)
    read_again(server)
    assert subject(server.port, authority) == ("second", 200)
    own.chain.write_text("damaged")
    read_again(server)
    assert subject(server.port, authority) == ("second", 200), "a broken file changes nothing"


def test_callers_without_a_certificate_of_the_authority_are_not_let_in(serve: Serve, tmp_path: Path) -> None:
    authority, stranger = issue(tmp_path, "authority"), issue(tmp_path, "stranger")
    own, client, foreign = issue(tmp_path, "server", authority), issue(tmp_path, "client", authority), issue(tmp_path, "foreign", stranger)
    server = serve(POOLS + f'[listen]\ntls_certificate = "{own.chain}"\ntls_key = "{own.key_file}"\nclient_ca = "{authority.chain}"\n')
    assert subject(server.port, authority, client) == ("server", 200)
    for refused in (None, foreign):
        with pytest.raises(OSError):
            subject(server.port, authority, refused)
    # a new authority holds from the moment its file is read
    shutil.copy(stranger.chain, authority.chain)
    read_again(server)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(foreign.chain, foreign.key_file)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
    connection.request("GET", "/pools")
    assert connection.getresponse().status == 200
    connection.close()


def test_no_secret_is_in_the_log(serve: Serve, keys: dict[str, str]) -> None:
    server = serve(with_keys(keys) + '[log]\nlevel = "trace"\n')
    for name in ("reader", "writer", "operator"):
        server.key = keys[name]
        server.ask("POST", "/pools/a/update_metrics", records(1, 1)[0])
    server.ask("GET", "/pools", headers={"X-API-Key": "evs_wrong-but-secret"})
    server.stop()
    text = (server.folder / "log").read_text()
    assert "listening" in text
    for line in text.splitlines():
        assert json.loads(line)["level"]
    for secret in [keys[name] for name in ("reader", "writer", "operator")] + ["evs_wrong-but-secret"]:
        assert secret not in text


def test_browsers_are_told_what_to_load(serve: Serve) -> None:
    server = serve(POOLS)
    for path in ("/", "/docs/", "/pools"):
        _, headers, body = server.raw("GET", path)
        assert "default-src 'self'" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
        assert b"https://cdn" not in body and b"//unpkg" not in body
    # a foreign page cannot send a record without being asked first, and is refused then
    assert server.raw("OPTIONS", "/pools/a/update_metrics", headers={"Origin": "https://evil", "Access-Control-Request-Method": "POST"})[0] == 405
