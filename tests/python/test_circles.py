"""No file of the core imports another one in a circle, and the tool that counts them sees one that is put there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import circles


def test_the_core_has_no_import_circle():
    ran = subprocess.run([sys.executable, "tools/circles.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "circles of files: 0" in ran.stdout and "circles of stages: 0" in ran.stdout


def test_the_tool_sees_the_way_of_the_data():
    imports = circles.Imports()
    on_one_screen = {("validation", "freshness"), ("policy", "outlook"), ("safety",), ("decision", "explain")}
    assert on_one_screen <= imports.of(("autoscaler", "pipeline")) | imports.of(("autoscaler", "conclusion"))
    assert ("calendar",) in imports.of(("config", "check"))


@pytest.mark.parametrize("back", ["use crate::one::First;", "fn back() { super::one::first(); }", "use super::handed::First;",
                                  "use crate::{handed::{First as Foremost}};"])
def test_a_circle_is_found_however_it_is_written(tmp_path, monkeypatch, back):
    (tmp_path / "lib.rs").write_text("mod handed;\nmod one;\nmod two;\n")
    (tmp_path / "handed.rs").write_text("pub use crate::one::First;\n")
    (tmp_path / "one.rs").write_text("use crate::two::Second;\npub struct First;\n")
    (tmp_path / "two.rs").write_text(f"{back}\npub struct Second;\n")
    monkeypatch.setattr(circles, "ROOT", tmp_path)
    imports = circles.Imports()
    found = circles.circles({module: imports.of(module) for module in imports.modules})
    assert found == [["one", "two"]]


def test_comments_texts_and_tests_are_no_imports(tmp_path, monkeypatch):
    (tmp_path / "lib.rs").write_text("mod one;\nmod two;\n")
    (tmp_path / "one.rs").write_text("use crate::two::Second;\n")
    (tmp_path / "two.rs").write_text('// use crate::one::First;\nconst WORDS: &str = "use crate::one::First;";\n'
                                     "#[cfg(test)]\nmod tests { use crate::one::First; }\n")
    monkeypatch.setattr(circles, "ROOT", tmp_path)
    imports = circles.Imports()
    assert circles.circles({module: imports.of(module) for module in imports.modules}) == []
