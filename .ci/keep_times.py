"""Gives sources that are those of the last run the times that they had then: cargo goes by times, and would build again what it
has. Any other file keeps its time, which is that of the clone.

python3 .ci/keep_times.py FOLDER, the folder that cargo builds in."""

import json
import os
import subprocess
import sys
from pathlib import Path


def listed(*arguments):
    return subprocess.run(["git", "ls-files", "-z", *arguments], capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


kept = Path(sys.argv[1]) / "times.json"
before = json.loads(kept.read_text()) if kept.exists() else {}
changed = set(listed("--modified"))
now = {}
for line in listed("--stage"):
    entry, path = line.split("\t")
    if path in changed:
        continue
    blob, (known, nanoseconds) = entry.split()[1], before.get(path, (None, 0))
    if known == blob:
        os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)
    now[path] = (blob, os.lstat(path).st_mtime_ns)
kept.write_text(json.dumps(now))
