"""`evscale verify` and `evscale bundle`."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import evscale

from .._evscale import replace_file
from .._refuse import contents, refuse
from .terminal import LARGEST_TEXT, say

FAILED = 1


def run_verify(args: argparse.Namespace) -> int:
    """Runs the installation through an hour of a pool and compares what must agree."""
    checks: list[tuple[str, bool]] = []
    bundle = loaded(args.bundle, args.public_key)
    checks.append((f"models load: {bundle.name} {bundle.version}", True))
    config = evscale.Config(min_jobs=2, max_jobs=40)
    pools = [evscale.Autoscaler(config, bundle=bundle) for _ in range(2)]
    start = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
    for pool in pools:
        for index in range(30):
            pool.observe(timestamp=start + timedelta(minutes=2 * index), logged_events_count=3000 + 40 * index,
                         current_job_count=12, average_processing_duration_ms=400.0)
    first, second = (pool.decide() for pool in pools)
    forecast = pools[0].forecast()
    again = evscale.Autoscaler.restore(config, pools[0].snapshot(), bundle)
    values = [value for horizon in forecast.horizons.values() for value in horizon.quantiles.values()]
    checks += [
        ("the networks or the analytic rule decide", first.source in ("policy_network", "analytic_rule")),
        ("it is within the bounds", first.recommended_jobs is not None and 2 <= first.recommended_jobs <= 40),
        ("the same records give the same decision", first == second),
        ("forecasts are finite and do not cross", all(math.isfinite(value) and value >= 0 for value in values) and all(
            list(h.quantiles.values()) == sorted(h.quantiles.values()) for h in forecast.horizons.values())),
        ("a restored snapshot goes on with the same state", again.snapshot() == pools[0].snapshot()),
    ]
    ok = all(passed for _, passed in checks)
    if args.json:
        print(json.dumps({"version": evscale.__version__, "ok": ok, "checks": {name: passed for name, passed in checks}}))
    else:
        print(f"evscale {evscale.__version__}, Python {sys.version.split()[0]}")
        for name, passed in checks:
            say(f"{'ok    ' if passed else 'FAILED'} {name}")
    return 0 if ok else FAILED


def loaded(path: Path | str | None, public_key: str | None) -> evscale.ModelBundle:
    """Returns the bundle of a folder or of a registry's champion; the bundled one without a path."""
    if path is None:
        return evscale.ModelBundle.bundled()
    return evscale.ModelBundle.load(path, public_key)


def run_bundle(args: argparse.Namespace) -> int:
    """Shows, checks or signs a bundle."""
    if args.action == "sign":
        return _sign(args)
    bundle = loaded(args.path, args.public_key)
    if args.action == "check":
        signed = args.path is not None and args.public_key is not None
        say(json.dumps({"name": bundle.name, "version": bundle.version, "signed": signed, "ok": True}) if args.json
            else f"ok: {bundle.name} {bundle.version}{', signed' if signed else ''}")
        return 0
    if args.json:
        print(json.dumps(bundle.manifest))
        return 0
    for key, value in bundle.manifest.items():
        text = json.dumps(value)
        say(f"{key}: {text if len(text) <= 100 else text[:97] + '...'}")
    return 0


def _sign(args: argparse.Namespace) -> int:
    """Writes manifest.sig; the secret is a seed of 64 hexadecimal digits in a file that its owner alone can read."""
    from .._evscale import public_key_of, sign_manifest

    if args.path is None or args.key is None:
        raise refuse("bundle sign needs FOLDER and --key FILE")
    evscale.ModelBundle.load(args.path)
    if args.new_key:
        with os.fdopen(os.open(args.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex() + "\n")
    seed = contents(args.key, LARGEST_TEXT).decode("ascii", "replace").strip()
    key = public_key_of(seed)
    replace_file(args.path / "manifest.sig", sign_manifest(contents(args.path / "manifest.json", LARGEST_TEXT), seed))
    evscale.ModelBundle.load(args.path, key)
    print(json.dumps({"public_key": key}) if args.json else f"signed; public key {key}")
    return 0
