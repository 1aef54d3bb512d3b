"""Situations in which autoscalers have failed others: each raises the alerts that name it, and the harmless ones none."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "field"))
import situations


@pytest.mark.parametrize("situation", situations.RAISED, ids=lambda one: one.__name__)
def test_a_situation_raises_what_names_it(situation):
    assert situations.RAISED[situation] <= situation()


@pytest.mark.parametrize("situation", situations.SILENT, ids=lambda one: one.__name__)
def test_what_is_harmless_raises_nothing(situation):
    assert situation() == set()


def test_running_totals_are_named_by_the_health_of_a_pool_that_goes_on():
    host = situations.counting(situations.calm())
    assert host.run(0.1).raised == set()
    causes = host.scaler.health()["causes"]
    assert len(causes) == 1 and causes[0].startswith("running_total: ")
