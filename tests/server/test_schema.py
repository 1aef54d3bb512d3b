"""Requests made from the description: nothing of them is answered with 500, or with what the description does not know."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Server, records

EXAMPLES = os.environ.get("EVSCALE_SERVER_EXAMPLES", "20")


def test_generated_requests(serve: Callable[..., Server], tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    server = serve("[pools.a]\nmax_jobs = 40\n")
    for record in records(1, 5):
        server.expect("POST", "/update_metrics", record)
    program = Path(sys.executable).parent / "schemathesis"
    command = [program if program.exists() else shutil.which("schemathesis"), "run", f"http://127.0.0.1:{server.port}/openapi.json",
               "--checks", "not_a_server_error,content_type_conformance,response_schema_conformance,status_code_conformance",
               "--max-examples", EXAMPLES, "--exclude-path-regex", "events$", "--request-timeout", "20", "--no-color", "--generation-database", "none",
               "--seed", "7"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    told = ended.stdout[-6000:] + ended.stderr[-2000:]
    print(ended.stdout[-1500:])
    assert ended.returncode == 0, told
    assert server.ask("GET", "/alive")[0] == 200
    assert "panicked" not in server.said()
