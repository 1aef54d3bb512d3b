"""The page on what a pool has to say: its examples run, and its names are those of the library."""

import re
from pathlib import Path

import evscale

PAGE = (Path(__file__).parents[2] / "docs/your-pool.md").read_text()


def test_the_examples_run():
    known = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "your-pool.md", "exec"), known)
    scaler = known["scaler"]
    assert [list(one["what"]) for one in scaler.announcements()] == [["multiplier"], ["events"], ["min_jobs"]]
    assert len(scaler.config.schedule) == 3


def test_every_field_but_the_required_ones_has_a_row_that_says_what_it_decides():
    table = PAGE.partition("## What each field decides")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named == {field["name"] for field in evscale.fields() if not field["required"]}


def test_names_are_those_of_the_library():
    settings, fields = evscale.Config().to_dict(), {field["name"] for field in evscale.fields()}
    methods, rules = set(dir(evscale.Autoscaler)), set(evscale.RULES)
    text = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    for name in re.findall(r"`([a-z]+_[a-z_]+)[=`]", text):
        assert name in {*settings, *fields, *methods, *rules}, name
