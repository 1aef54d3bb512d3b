"""The crate as a registry would hand it out: packed, unpacked, and used by a new crate that has nothing else of this repository.

The new crate is built into the build folder of the repository, with the same features of the same dependencies, so that the
inference library is not compiled again: only the unpacked crate and the examples are."""

import filecmp
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).parents[2]
CORE = ROOT / "evscale-core"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
MODELS = ["MODEL_CARD.md", "forecaster.onnx", "manifest.json", "policy.onnx"]
EXAMPLES = sorted(path.stem for path in (CORE / "examples").glob("*.rs"))
# What each example must say.
SAYS = {
    "backtest": r"(?s)^rule .*\nevscale +\d+\.\d+% +\d+\n(.+%.+\n){7}$",
    "fleet": r"^berlin: \d+ jobs\nlima: \d+ jobs\ntokyo: \d+ jobs\nlima is healthy\n$",
    "own_policy": r"^the own policy acted [1-9]\d* of 720 times; \d+ jobs at the end\n$",
    "pool": r"(?s)^2026-01-05T\S+: Scale (up|down) from .*\n\d+ jobs, and the pool is healthy\n$",
    "restore": r"^before a fresh record: None, .*`min_jobs` is 14, was 1.*\nafter it: Some\(14\)\n$",
}


def cargo(*arguments, folder=ROOT, **environment):
    done = subprocess.run(["cargo", *arguments], cwd=folder, env=os.environ | environment, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def manifest(path):
    return tomllib.loads(path.read_text())


@pytest.fixture(scope="module")
def unpacked():
    """The folder of the packed and unpacked crate. Packed files are all of one time, by which cargo would take changed ones for
    those that it knows: they get the time at which what is in them was unpacked first."""
    cargo("package", "-p", "evscale-core", "--no-verify", "--allow-dirty", "--quiet", "--offline", CARGO_TARGET_DIR=str(TARGET))
    version = manifest(ROOT / "Cargo.toml")["workspace"]["package"]["version"]
    archive = TARGET / f"package/evscale-core-{version}.crate"
    with tarfile.open(archive) as packed:
        names = sorted(name for name in packed.getnames() if not name.endswith(".cargo_vcs_info.json"))
        contents = [packed.extractfile(name).read() for name in names]
        folder = TARGET / "crate" / hashlib.sha256(repr([names, contents]).encode()).hexdigest()[:16]
        if not folder.exists():
            shutil.rmtree(TARGET / "crate", ignore_errors=True)
            packed.extractall(folder, filter="data")
            for path in folder.rglob("*"):
                os.utime(path)
    return folder / f"evscale-core-{version}"


def test_the_package_has_models_licences_readme_and_examples_and_no_tests(unpacked):
    for name in MODELS:
        assert filecmp.cmp(unpacked / "models" / name, ROOT / "models/onnx" / name, shallow=False), \
            f"cp models/onnx/{name} evscale-core/models/"
    for name in ["LICENSE-APACHE", "LICENSE-MIT"]:
        assert filecmp.cmp(unpacked / name, ROOT / name, shallow=False), f"cp {name} evscale-core/"
    assert sorted(path.stem for path in (unpacked / "examples").iterdir()) == EXAMPLES
    assert (unpacked / "README.md").read_text() == (CORE / "README.md").read_text()
    assert not (unpacked / "tests").exists()
    said = manifest(unpacked / "Cargo.toml")["package"]
    assert {"license", "repository", "documentation", "readme", "keywords", "categories", "rust-version"} <= said.keys()
    assert said["readme"] == "README.md" and said["metadata"]["docs"]["rs"]["all-features"]


def test_the_package_is_small_enough_for_a_registry(unpacked):
    packed = next((TARGET / "package").glob("evscale-core-*.crate"))
    assert packed.stat().st_size < 2_000_000


def test_no_example_is_longer_than_forty_lines():
    assert EXAMPLES == sorted(SAYS)
    assert all(len((CORE / f"examples/{name}.rs").read_text().splitlines()) <= 40 for name in EXAMPLES)


@pytest.fixture(scope="module")
def programs(unpacked):
    """The folder of a new crate's programs, the examples of the package."""
    folder = unpacked.parent
    app = folder / "app"
    for left in (app, folder / "same-features"):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(unpacked / "examples", app / "src/bin", copy_function=shutil.copyfile)
    (app / "Cargo.toml").write_text(
        f'[package]\nname = "app"\nversion = "0.1.0"\nedition = "2024"\n\n'
        f'[dependencies]\nevscale-core = {{ path = "../{unpacked.name}" }}\n')
    same_features(folder / "same-features", unpacked.name)
    profile = re.search(r"\[profile\.release\].*?(?=\n\n)", (ROOT / "Cargo.toml").read_text(), re.DOTALL)
    (folder / "Cargo.toml").write_text(f'[workspace]\nresolver = "3"\nmembers = ["app", "same-features"]\n\n{profile[0]}\n')
    shutil.copy(ROOT / "Cargo.lock", folder)
    done = cargo("build", "--release", "--offline", folder=folder,
                 CARGO_TARGET_DIR=str(folder / "target"), CARGO_BUILD_BUILD_DIR=str(TARGET))
    assert "Compiling tract" not in done.stderr, "the features of the dependencies differ"
    return folder / "target/release"


def same_features(folder, package):
    """Writes a crate that asks for whatever the members of the workspace ask for, so that features are resolved as there."""
    wanted, features = {}, {}
    workspace = manifest(ROOT / "Cargo.toml")["workspace"]
    for member in workspace["members"]:
        read = manifest(ROOT / member / "Cargo.toml")
        for name, given in read.get("dependencies", {}).items():
            given = {"version": given} if isinstance(given, str) else dict(given)
            if given.pop("workspace", False):
                central = workspace["dependencies"][name]
                central = {"version": central} if isinstance(central, str) else dict(central)
                given = {**central, **given, "features": [*central.get("features", []), *given.get("features", [])]}
            if name == "evscale-core":
                given = {"path": f"../{package}", "features": given.get("features", [])}
            elif "path" in given:
                continue
            features.setdefault(name, set()).update(given.pop("features", []))
            given.pop("optional", None)
            wanted[name] = given
        if member != "evscale-core":
            for feature in read.get("features", {}).get("default", []):
                for asked in read["features"][feature]:
                    name, _, of_it = asked.partition("/")
                    features.setdefault(name, set()).add(of_it)
    (folder / "src").mkdir(parents=True)
    (folder / "src/lib.rs").write_text("")
    lines = ['[package]\nname = "same-features"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]']
    for name, given in wanted.items():
        said = [f'{key} = {str(value).lower() if isinstance(value, bool) else chr(34) + value + chr(34)}'
                for key, value in given.items()]
        lines.append(f"{name} = {{ {', '.join([*said, f'features = {sorted(features[name])}'])} }}")
    (folder / "Cargo.toml").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("name", sorted(SAYS))
def test_a_new_crate_uses_the_package(programs, name):
    done = subprocess.run([programs / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(SAYS[name], done.stdout), done.stdout
