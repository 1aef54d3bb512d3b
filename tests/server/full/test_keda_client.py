"""KEDA's own client against our interface; `make test-server-full` builds it from KEDA's module (`keda/`)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import issue
from support import Server, free_port, records

Serve = Callable[..., Server]
POLL = os.environ.get("KEDA_POLL", "")


def poll(port: int, authentication: dict[str, str] | None = None, **metadata: str) -> dict[str, Any]:
    """Does what KEDA's operator does on each poll; returns what HPA would be given."""
    assert POLL, "KEDA's client is not there: make test-server-full builds it"
    trigger = {"metadata": {"scalerAddress": f"127.0.0.1:{port}", **metadata}, "authentication": authentication or {}}
    asked = subprocess.run([POLL], input=json.dumps(trigger), capture_output=True, text=True, check=False)
    if asked.returncode:
        raise RuntimeError(asked.stderr)
    answer: dict[str, Any] = json.loads(asked.stdout)
    return answer


def test_keda_reads_the_jobs_of_a_pool_and_one_job_is_one(serve: Serve) -> None:
    port = free_port()
    server = serve(f'[pools.a]\nmax_jobs = 40\nmin_jobs = 0\n[listen]\nkeda_address = "127.0.0.1:{port}"\n')
    with pytest.raises(RuntimeError, match="has no recommendation so far"):
        poll(port, pool="a")
    for record in records(1, 5):
        server.expect("POST", "/update_metrics", record)
    jobs = server.expect("GET", "/scaling_decision")["recommended_jobs"]
    assert poll(port, pool="a") == {"metric": "s3-evscale-a", "target": "1", "value": str(jobs), "active": True}
    server.expect("PUT", "/pools/a/order", {"order": {"fixed": 0}, "until": "2027-01-01T00:00:00Z"})
    assert poll(port, pool="a") == {"metric": "s3-evscale-a", "target": "1", "value": "0", "active": False}
    for wrong, said in [({"pool": "nobody"}, "there is no pool `nobody`"), ({}, "has no `pool`")]:
        with pytest.raises(RuntimeError, match=said):
            poll(port, **wrong)


def test_keda_asks_over_tls_with_a_certificate_of_its_own(serve: Serve, tmp_path: Path) -> None:
    authority = issue(tmp_path, "authority")
    own, client = issue(tmp_path, "server", authority), issue(tmp_path, "client", authority)
    port = free_port()
    serve(f'''[pools.a]\nmax_jobs = 40\n[listen]\nkeda_address = "127.0.0.1:{port}"
tls_certificate = "{own.chain}"\ntls_key = "{own.key_file}"\nkeda_tls = true\nkeda_client_ca = "{authority.chain}"\n''')
    trusted = {"caCert": authority.chain.read_text()}
    known = {**trusted, "tlsClientCert": client.chain.read_text(), "tlsClientKey": client.key_file.read_text()}
    # what the pool says comes from behind TLS: there is no recommendation before the first record
    with pytest.raises(RuntimeError, match="has no recommendation so far"):
        poll(port, known, pool="a")
    for refused, said in [(trusted, "certificate required"), ({}, "error reading server preface|connection"), ({**known, "caCert": issue(tmp_path, "other").chain.read_text()}, "unknown authority")]:
        with pytest.raises(RuntimeError, match=said):
            poll(port, refused, pool="a")
