"""Settings, record fields and safety rules are said once, in the core; everything that repeats them says the same."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import evscale
import pytest
from evscale import page, pictures

ROOT = Path(__file__).parents[2]
SETTINGS = {setting["name"]: setting for setting in evscale.settings()}
FIELDS = {field["name"]: field for field in evscale.fields()}
WITHOUT_DEFAULT = {
    "service_time_ms": float, "job_hours_per_day": float, "stale_after_seconds": int, "fail_safe_jobs": int,
    "bundle_public_key": str, "job_hour_price": float, "cost_per_day": float,
    "most_events_per_second": float, "late_event_price": float, "change_price": float, "reversal_price": float,
}
"""What a setting that is not there by default is when it is."""


def stub_class():
    tree = ast.parse((ROOT / "python/evscale/_evscale.pyi").read_text())
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config")


def described(docstring):
    """The text of each parameter of a numpy docstring."""
    parameters = inspect.cleandoc(docstring).partition("Parameters\n----------\n")[2].partition("\n\nRaises")[0]
    entries = re.findall(r"^(\w+)\n((?:    .*\n?)+)", parameters, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def in_words(end):
    return f"`{end}`" if isinstance(end, str) else end


def numbers(text):
    """Ends of a range that is written at the end of a text: names with their ticks, numbers as numbers."""
    found = re.search(r"Range: (\S+) to (\S+)\.$", text)
    return found and [end if end.startswith("`") else float(end.replace(",", "")) for end in found.groups()]


def test_the_settings_are_the_keys_of_the_configuration_with_their_defaults():
    assert {name: setting["default"] for name, setting in SETTINGS.items()} == evscale.Config().to_dict()


@pytest.mark.parametrize("docstring", [evscale.Config.__doc__, ast.get_docstring(stub_class())], ids=["module", "stub"])
def test_docstrings_have_the_meaning_and_the_range_of_every_setting(docstring):
    texts = described(docstring)
    assert list(texts) == list(SETTINGS)
    for name, setting in SETTINGS.items():
        assert texts[name].startswith(setting["description"]), name
        expected = setting["range"] and [in_words(end) for end in setting["range"]]
        assert numbers(texts[name]) == expected, f"{name}: {texts[name]}"


def test_the_stub_says_the_type_of_every_setting():
    new = next(node for node in stub_class().body if isinstance(node, ast.FunctionDef) and node.name == "__new__")
    types = {argument.arg: ast.unparse(argument.annotation) for argument in new.args.kwonlyargs}
    assert list(types) == list(SETTINGS)
    for name, setting in SETTINGS.items():
        kind = WITHOUT_DEFAULT.get(name, type(setting["default"]))
        written = types[name].removesuffix(" | None")
        if kind is list:
            entries = {"job_counts": "int", "holidays": "str | date", "schedule": "Mapping[str, str | float]",
                       "classes": "Mapping[str, str | float]", "alerts": "str"}
            assert written == f"Sequence[{entries[name]}]", name
        elif written.startswith("Literal["):
            assert kind is str and setting["default"] in ast.literal_eval(written.removeprefix("Literal")), name
        else:
            assert written == kind.__name__, name
        assert types[name].endswith(" | None"), name


@pytest.mark.parametrize("name", ["stale_action", "pause", "mode"])
def test_the_choices_of_the_stub_are_those_that_are_taken(name):
    new = next(node for node in stub_class().body if isinstance(node, ast.FunctionDef) and node.name == "__new__")
    written = next(ast.unparse(one.annotation) for one in new.args.kwonlyargs if one.arg == name)
    choices = ast.literal_eval(written.removesuffix(" | None").removeprefix("Literal"))
    for choice in choices:
        assert getattr(evscale.Config(**{name: choice}), name) == choice
    with pytest.raises(evscale.ConfigError) as refused:
        evscale.Config(**{name: "never"})
    assert re.findall(r"`(\w+)`", str(refused.value))[1:] == list(choices)


def test_field_names_are_those_of_the_core_and_three_are_required():
    assert evscale.FIELDS == tuple(FIELDS)
    required = {name for name, field in FIELDS.items() if field["required"]}
    assert required == {"timestamp", "logged_events_count", "current_job_count"}


def test_every_field_is_taken_within_its_range_and_repaired_beyond_it():
    record = {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400, "current_job_count": 12}
    for name, field in FIELDS.items():
        if field["range"] is not None:
            seen = {value: evscale.Autoscaler(evscale.Config(use_networks=False)).observe({**record, name: value}).repairs
                    for value in (field["range"][0], -1.0)}
            assert [name in " ".join(repairs) for repairs in seen.values()] == [False, True], name


def test_the_header_says_of_every_field_what_the_core_says():
    text = (ROOT / "include/evscale.h").read_text()
    struct = re.search(r"typedef struct evscale_metrics \{\n(.*?)\n\} evscale_metrics;", text, re.DOTALL)[1]
    found = re.findall(r"((?:  // .*\n)+)  \w+ (\w+);", struct + "\n")
    comments = {name: " ".join(line.strip(" /") for line in comment.splitlines()) for comment, name in found}
    assert comments.pop("struct_size") == "Size of this struct as the caller knows it, bytes."
    comments["timestamp"] = comments.pop("timestamp_ms")
    assert comments.pop("class_count") == "Entries of `classes`, at most 64."
    assert comments == {name: field["description"] for name, field in FIELDS.items()}


def test_the_page_of_settings_is_what_the_module_says():
    ran = subprocess.run([sys.executable, "tools/settings.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_page_lists_every_setting_and_every_field():
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in (ROOT / "docs/settings.md").read_text().splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == [*SETTINGS, *FIELDS]
    for name, meaning, usual, span in rows[:len(SETTINGS)]:
        setting = SETTINGS[name.strip("`")]
        assert meaning == setting["description"]
        assert (json.loads(usual.strip("`")) if usual else None) == setting["default"]
        assert bool(span) == (setting["range"] is not None)
    for name, meaning, _, required in rows[len(SETTINGS):]:
        field = FIELDS[name.strip("`")]
        assert (meaning, required) == (field["description"], "yes" if field["required"] else "")


def test_every_rule_has_words_and_a_colour_of_its_own():
    assert list(pictures.RULE_COLORS) == list(evscale.RULES)
    assert len(set(pictures.RULE_COLORS.values())) == len(evscale.RULES)
    assert all(evscale.RULES.values())
    assert page.RULES is evscale.RULES


def test_the_rules_of_a_trail_are_among_those_with_words():
    scaler = evscale.Autoscaler(evscale.Config(min_jobs=3, max_jobs=4, pause="up", use_networks=False))
    scaler.observe(timestamp="2026-01-05T10:02:00Z", logged_events_count=34_000, current_job_count=1,
                   average_processing_duration_ms=4000)
    limited = scaler.decide().limited_by
    assert "bounds" in limited and set(limited) <= set(evscale.RULES)
