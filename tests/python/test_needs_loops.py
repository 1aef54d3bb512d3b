"""What pools need to say, in closed loops: in each world a pool that does not say what it is is late or dear. tests/c/needs.c has the same."""

import pytest
from closed_loop import Kind, World, run


def test_numbers_of_jobs_that_exist():
    machines = World(step=8)
    unsaid, said = run(machines), run(machines, job_step=8)
    assert unsaid.late_percent() > 1 and said.late_percent() < 0.5 and said.job_hours < 1.05 * unsaid.job_hours
    listed = run(machines, job_counts=[8, 16, 24, 32, 40, 48, 64, 80])
    assert listed.late_percent() < 0.5


def test_events_in_parallel():
    threads = World(places=8)
    unsaid, said = run(threads), run(threads, events_per_job=8)
    assert said.job_hours < 0.3 * unsaid.job_hours and said.late_percent() < 0.5


@pytest.fixture(scope="module")
def usual():
    return run(World())


def test_spare_jobs_and_a_floor_for_a_while(usual):
    assert usual.crowded > 2000 and run(World(), spare_jobs=8).crowded < 50
    floor = {"cron": "0 20 * * *", "seconds": 28_800, "min_jobs": 40}
    assert usual.low > 900 and run(World(), schedule=[floor]).low < 10


def test_a_limit_downstream():
    limited = World(limit=26)
    unsaid, said = run(limited), run(limited, most_events_per_second=26)
    assert said.job_hours < 0.9 * unsaid.job_hours and said.late_percent() < unsaid.late_percent() + 1
    assert "downstream_limit" in said.limited and "downstream_limit" not in unsaid.limited


def money(out, late_event=0.0, change=0.0):
    return out.job_hours + late_event * out.late[0] + change * out.changes


def test_prices(usual):
    strict = World(kinds=[Kind(2400, 0.5, 10)])
    unsaid, said = run(strict, sla_wait_seconds=10), run(strict, sla_wait_seconds=10, job_hour_price=1, late_event_price=1e-5)
    assert money(said, late_event=1e-5) < 0.98 * money(unsaid, late_event=1e-5)
    dear = run(World(), job_hour_price=1, change_price=3)
    assert money(dear, change=3) < 0.95 * money(usual, change=3)


def test_work_that_is_known_to_come():
    batches = {"batch": 12_000, "kinds": [Kind(2400, 0.5, 120)]}
    unsaid, said = (run(World(told=told, **batches), sla_wait_seconds=120) for told in (False, True))
    assert said.late_percent() < 0.2 * unsaid.late_percent() and said.job_hours < 0.9 * unsaid.job_hours


def test_classes_of_events():
    kinds = [Kind(2400, 0.5, 15, "alerts"), Kind(120, 10, 3600, "exports")]
    said = run(World(kinds=kinds), classes=[
        {"name": "alerts", "service_time_seconds": 0.5, "sla_wait_seconds": 15},
        {"name": "exports", "service_time_seconds": 10, "sla_wait_seconds": 3600, "priority": 1}])
    untold = World(kinds=kinds, told_by_class=False)
    strict, patient = run(untold, sla_wait_seconds=15), run(untold, sla_wait_seconds=3600)
    assert max(said.late_percent(0), said.late_percent(1)) < 1
    assert strict.job_hours > 1.1 * said.job_hours
    assert max(patient.late_percent(0), patient.late_percent(1)) > 1.5
