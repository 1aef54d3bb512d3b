"""What C can do, C++ and Go can do: every function of the header is called by both, or there is a reason."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = set(re.findall(r"\bevscale_[a-z0-9_]+(?=\()", re.sub(r"//.*", "", (ROOT / "include/evscale.h").read_text())))
STRUCTS = "the layer sets `struct_size` itself"
NOT_CALLED = {
    "C++": {
        "evscale_decision_init": STRUCTS,
        "evscale_observation_init": STRUCTS,
        "evscale_error_code": "the status of the call says the same",
        "evscale_version": "a function of C that gives a text: there is nothing to add",
    },
    "Go": {
        "evscale_decision_init": STRUCTS,
        "evscale_observation_init": STRUCTS,
        "evscale_error_code": "the status of the call says the same",
        "evscale_set_override": "`SetOverride` has a beginning",
        "evscale_fleet_set_override": "`SetOverride` has a beginning",
        "evscale_version_number": "`Version` is the text, and the soname keeps another ABI away",
    },
}
CALLS = {
    "C++": ("include", "*.hpp", r"\bevscale_[a-z0-9_]+\b"),
    # in Go the helpers in C are comments
    "Go": ("go/evscale", "*.go", r"\bevscale_[a-z0-9_]+(?=\()"),
}


@pytest.mark.parametrize("language", sorted(CALLS))
def test_every_function_of_the_header_is_called(language):
    folder, names, call = CALLS[language]
    sources = [path.read_text() for path in (ROOT / folder).rglob(names) if not path.name.endswith("_test.go")]
    text = "\n".join(sources)
    called = set(re.findall(call, text if language == "Go" else re.sub(r"//.*", "", text)))
    assert len(FUNCTIONS) > 130
    assert FUNCTIONS - called == set(NOT_CALLED[language])


def test_a_language_that_lacks_something_says_why():
    table = [line.strip("| \n").split(" | ") for line in (ROOT / "docs/languages.md").read_text().splitlines() if line.startswith("|")]
    head, *rows = [row for row in table if not row[0].startswith("---")]
    assert head[-5:] == ["Rust", "Python", "C", "C++", "Go"] and len(rows) > 15
    for row in rows:
        assert len(row) == 6, row
        for cell in row[1:]:
            assert cell != "no" and cell, f"{row[0]}: a plain no, expected the reason beside it"
