"""docs/json.md names every field of what comes out as JSON."""

import json
import re
from pathlib import Path

import evscale
import make

PAGE = (Path(__file__).parents[2] / "docs/json.md").read_text()


def documented(title):
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_field_is_documented():
    config = evscale.Config(**json.loads(make.CONFIG.read_text()))
    scaler = evscale.Autoscaler(config)
    for line in make.records().splitlines()[:800]:
        observation = scaler.observe(json.loads(line))
        decision = json.loads(scaler.decide().to_json())
    assert set(observation.to_dict()) == documented("Observation")
    assert set(decision) == documented("Decision")
    assert set(decision["reasoning"]) == documented("Decision: reasoning")
    assert set(decision["plan"][0]) == documented("Decision: plan")
    forecast = json.loads(scaler.forecast().to_json())
    assert set(forecast) | {"bursts", "due"} == documented("Forecast")
    assert set(forecast["horizons"]["12"]) == documented("Forecast: horizon")
    assert set(scaler.health()) | {"models"} == documented("Health")
    assert set(scaler.learned()) == documented("Learned")
