"""Writes `manifest.json` beside the two networks of a bundle: shapes, hashes, training data and results."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from evscale.training.bundle import assemble


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds forecaster.onnx and policy.onnx")
    parser.add_argument("--name", default="evscale-bundled")
    parser.add_argument("--version", default="1")
    parser.add_argument("--training", type=Path, help="JSON object: data, seeds, steps")
    parser.add_argument("--results", type=Path, help="JSON object: measured results")
    args = parser.parse_args()
    read = lambda path: json.loads(path.read_text()) if path else {}
    manifest = assemble(args.folder, args.name, args.version, read(args.training), read(args.results))
    print(f"{args.folder / 'manifest.json'}: forecaster {manifest['forecaster']['sha256'][:12]}, "
          f"policy {manifest['policy']['sha256'][:12]}")


if __name__ == "__main__":
    main()
