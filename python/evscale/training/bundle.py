"""Writes the manifest of a bundle: shapes, hashes, training data and results."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .. import _evscale


def assemble(folder: Path, name: str, version: str, training: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the `forecaster.onnx` and `policy.onnx` in `folder`, which is also written there."""
    manifest: dict[str, Any] = json.loads(_evscale.feature_contract())
    for part in ("forecaster", "policy"):
        entry = manifest[part]
        entry["sha256"] = hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
    manifest |= {"name": name, "version": version, "training": training, "results": results}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
