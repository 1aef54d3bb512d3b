"""Decisions as JSON after each record: python golden.py CONFIG.json RECORDS.jsonl"""

import json
import sys
from pathlib import Path

import evscale


def main(config: str, records: str) -> None:
    scaler = evscale.Autoscaler(evscale.Config(**json.loads(Path(config).read_text())))
    with Path(records).open() as lines:
        for line in lines:
            scaler.observe(json.loads(line))
            print(scaler.decide().to_json())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} CONFIG.json RECORDS.jsonl")
    main(*sys.argv[1:])
