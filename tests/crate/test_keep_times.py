"""`.ci/keep_times.py`: a fresh clone builds what changed since the run before it, and nothing else."""

import os
import re
import subprocess
from pathlib import Path

import pytest

KEEP_TIMES = Path(__file__).parents[2] / ".ci/keep_times.py"
FILES = {
    "Cargo.toml": '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
    "one/Cargo.toml": '[package]\nname = "one"\nedition = "2021"\n',
    "one/src/lib.rs": "pub const ONE: u32 = 1;\n",
    "two/Cargo.toml": '[package]\nname = "two"\nedition = "2021"\n[dependencies]\none = { path = "../one" }\n',
    "two/src/lib.rs": 'pub const TEXT: &str = include_str!("../text.txt");\n#[test]\nfn adds() { assert_eq!(one::ONE + 1, 2); }\n',
    "two/text.txt": "a text\n",
}


@pytest.fixture
def repository(tmp_path):
    """A workspace of two crates; a call of it changes files, commits, and returns what a fresh clone then compiles."""
    root, target, clones = tmp_path / "root", tmp_path / "target", iter(range(100))
    target.mkdir()
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}

    def run(*command, folder=root):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def compiled(files, keep=True):
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if not (root / ".git").exists():
            run("git", "init", "--quiet")
            run("cargo", "generate-lockfile", "--offline")
        run("git", "add", "--all")
        run("git", "-c", "user.name=somebody", "-c", "user.email=somebody@localhost", "commit", "--quiet", "--allow-empty",
            "-m", "change")
        clone = tmp_path / f"clone-{next(clones)}"
        run("git", "clone", "--quiet", str(root), str(clone))
        if keep:
            run("python3", str(KEEP_TIMES), str(target), folder=clone)
        said = run("cargo", "test", "--offline", folder=clone)
        assert "1 passed" in said
        return re.findall(r"Compiling (\w+) ", said)

    root.mkdir()
    return compiled


def test_a_clone_builds_what_changed_and_nothing_else(repository):
    assert repository(FILES) == ["one", "two"]
    assert repository({}) == []
    assert repository({"two/text.txt": "another text\n"}) == ["two"]
    assert repository({"two/text.txt": FILES["two/text.txt"]}) == ["two"], "what it was before the last run is another text"
    assert repository({}, keep=False) == ["one", "two"], "without it"
