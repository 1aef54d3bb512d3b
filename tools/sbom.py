"""Writes sbom.cdx.json, what the C library contains, and that of the crate evscale-core, by cargo-cyclonedx: python tools/sbom.py

The wheel has one of its own, which maturin writes.

The tool puts more into it than a reader of dependencies needs, and the paths of the machine: kept are name, version, licence, checksum
and package URL of each crate, and which needs which.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILES = {"evscale-ffi": "sbom.cdx.json", "evscale-core": "evscale-core/sbom.cdx.json"}
FRESH = "fresh.cdx"
KEPT = ("type", "name", "version", "scope", "hashes", "licenses", "purl")


def made() -> dict[str, dict[str, Any]]:
    """What cargo-cyclonedx says of each crate; it leaves a file beside every member of the workspace."""
    command = ["cargo", "cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--override-filename", FRESH]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
    bills = {crate: json.loads((ROOT / crate / f"{FRESH}.json").read_text()) for crate in FILES}
    for path in [*ROOT.glob(f"*/{FRESH}.json"), *ROOT.glob(f"*/*/{FRESH}.json")]:
        path.unlink()
    return bills


def plain(bill: dict[str, Any]) -> dict[str, Any]:
    """The same without paths, and without what is not kept."""
    whole = bill["metadata"]["component"]
    names = {one["bom-ref"]: f"{one['name']}@{one['version']}" for one in [whole, *bill["components"]]}

    def component(one: dict[str, Any]) -> dict[str, Any]:
        kept = {key: one[key] for key in KEPT if key in one}
        return {"bom-ref": names[one["bom-ref"]], **kept, "purl": one["purl"].split("?")[0]}

    parts = sorted((component(one) for one in bill["components"]), key=lambda one: one["bom-ref"])
    needs = [{"ref": names[one["ref"]], "dependsOn": sorted(names[need] for need in one.get("dependsOn", []))}
             for one in bill["dependencies"]]
    return {
        "bomFormat": bill["bomFormat"], "specVersion": bill["specVersion"], "version": 1,
        "metadata": {"tools": bill["metadata"]["tools"], "component": component(whole)},
        "components": parts, "dependencies": sorted(needs, key=lambda one: one["ref"]),
    }


if __name__ == "__main__":
    for crate, bill in made().items():
        out = plain(bill)
        (ROOT / FILES[crate]).write_text(json.dumps(out, indent=1) + "\n")
        print(f"{FILES[crate]}: {len(out['components'])} crates")
