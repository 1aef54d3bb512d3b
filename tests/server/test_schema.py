"""Requests made from the description: nothing of them is answered with 500, or with what the description does not know."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Server, key, records

EXAMPLES = os.environ.get("EVSCALE_SERVER_EXAMPLES", "20")


def test_generated_requests(serve: Callable[..., Server], tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    operator, entry = key(tmp_path, "operator", "operate")
    (tmp_path / "keys.toml").write_text(entry)
    server = serve(f'[pools.a]\nmax_jobs = 40\n[security]\nkeys_file = "{tmp_path}/keys.toml"\n', key=operator)
    for record in records(1, 5):
        server.expect("POST", "/update_metrics", record)
    # pools that are there and one that is not, so that requests get beyond the name
    description = server.expect("GET", "/openapi.json")
    for methods in description["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "pool":
                    parameter["schema"] = {"type": "string", "enum": ["a", "a", "b"]}
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    for operation in (operation for methods in description["paths"].values() for operation in methods.values()):
        operation.pop("security", None)
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    program = Path(sys.executable).parent / "schemathesis"
    command = [program if program.exists() else shutil.which("schemathesis"), "run", tmp_path / "openapi.json", "--url", f"http://127.0.0.1:{server.port}",
               "--header", f"X-API-Key: {operator}", "--max-examples", EXAMPLES, "--exclude-path-regex", "events$", "--request-timeout", "20",
               "--no-color", "--generation-database", "none", "--seed", "7"]
    # heads that are no HTTP are answered with a bare 400, before anything that the description knows
    for mode, checks in [("all", "not_a_server_error"),
                         ("positive", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance")]:
        ended = subprocess.run([*command, "--mode", mode, "--checks", checks], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
        print("\n".join(line for line in ended.stdout.splitlines() if "generated" in line))
        server.ask("PUT", "/pools/a", {"max_jobs": 40})
    assert server.ask("GET", "/alive")[0] == 200
    assert "panicked" not in server.said()
