"""Two generated years with daylight saving, holidays and month ends: late share and cost around each mark beside an ordinary week.

    PYTHONPATH=python python tests/field/calendar_years.py [--interval 300] [--plain]

The load follows the local clock of Berlin: busy working days, quiet weekends, a burst at 18:00 on working days and one at
08:00 on Sundays, holidays like Sundays but without their burst, twice as much on the first and three times as much on the last
working day of a month. `--plain` tells the pool neither zone nor holidays, for comparison.
"""

import argparse
import json
from datetime import date, datetime, timedelta, timezone
from math import cos, pi
from zoneinfo import ZoneInfo

import evscale
import numpy as np
from evscale import _evscale

ZONE = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(2024, 1, 1), date(2025, 12, 31)
#: Jobs that a quiet night, a working day's noon and a burst keep busy.
NIGHT, NOON, BURST = 2.0, 12.0, 40.0
SERVICE_SECONDS = 1.0
FIXED = ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))
MOVING = {2024: ((3, 29), (4, 1), (5, 9), (5, 20)), 2025: ((4, 18), (4, 21), (5, 29), (6, 9))}


def holidays() -> set[date]:
    return {date(year, *day) for year in (2024, 2025) for day in (*FIXED, *MOVING[year])}


HOLIDAYS = holidays()


def works(day: date) -> bool:
    return day.weekday() < 5 and day not in HOLIDAYS


def turn(day: date) -> str | None:
    """`first` or `last` working day of the month."""
    if not works(day):
        return None
    before = (day.replace(day=number) for number in range(1, day.day))
    if not any(works(other) for other in before):
        return "first"
    after = day + timedelta(days=1)
    while after.month == day.month:
        if works(after):
            return None
        after += timedelta(days=1)
    return "last"


def busy_jobs(now: datetime) -> float:
    """Jobs that the load keeps busy at a local time."""
    day, hour = now.date(), now.hour + now.minute / 60
    wave = max(0.0, cos((hour - 13) / 12 * pi)) ** 0.5
    if works(day):
        times = {None: 1.0, "first": 2.0, "last": 3.0}[turn(day)]
        burst = BURST if now.hour == 18 and now.minute < 20 else 0.0
        return max(NIGHT + times * (NOON - NIGHT) * wave, burst)
    if day.weekday() == 6 and day not in HOLIDAYS and now.hour == 8 and now.minute < 30:
        return BURST
    return NIGHT + 0.3 * (NOON - NIGHT) * wave


def marks() -> dict[str, set[date]]:
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    offset = {day: datetime(day.year, day.month, day.day, 12, tzinfo=ZONE).utcoffset() for day in days}
    changed = {day for day in days[1:] if offset[day] != offset[day - timedelta(days=1)]}
    found = {
        "clock change, Sunday": changed,
        "clock change, the week after": {day + timedelta(days=n) for day in changed for n in range(1, 8)},
        "holiday": {day for day in days if day in HOLIDAYS and day.weekday() < 5},
        "first working day after a holiday": {
            day for day in days if works(day) and day - timedelta(days=1) in HOLIDAYS
        },
        "first working day of a month": {day for day in days if turn(day) == "first"},
        "last working day of a month": {day for day in days if turn(day) == "last"},
        "first four weeks": set(days[:28]),
    }
    special = set().union(*found.values())
    usual = set(days) - special
    found["other working days"] = {day for day in usual if day.weekday() < 5}
    found["other Saturdays"] = {day for day in usual if day.weekday() == 5}
    found["other Sundays"] = {day for day in usual if day.weekday() == 6}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interval", type=int, default=300, help="seconds of a record")
    parser.add_argument("--startup", type=int, default=300, help="seconds until a job is ready")
    parser.add_argument("--plain", action="store_true", help="tell neither time zone nor holidays")
    arguments = parser.parse_args()
    interval = arguments.interval
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=ZONE).astimezone(timezone.utc)
    end = datetime(LAST.year + 1, 1, 1, tzinfo=ZONE).astimezone(timezone.utc)
    count = int((end - begin).total_seconds() // interval)
    random = np.random.default_rng(18)
    at = [begin + timedelta(seconds=interval * (n + 0.5)) for n in range(count)]
    local = [instant.astimezone(ZONE) for instant in at]
    rate = np.array([busy_jobs(now) for now in local]) / SERVICE_SECONDS
    events = random.poisson(rate * interval).astype(float)
    known = {} if arguments.plain else {
        "time_zone": "Europe/Berlin", "holidays": [day.isoformat() for day in sorted(HOLIDAYS)]
    }
    config = evscale.Config(
        max_jobs=120, interval_seconds=interval, decision_interval_seconds=max(interval, 360),
        job_startup_seconds=arguments.startup, service_time_ms=1000.0 * SERVICE_SECONDS, **known,
    )
    report = json.loads(_evscale.backtest_history(
        int(begin.timestamp() * 1000), interval, events, None, config, baselines=False
    ))
    rows = report["runs"][0]["rows"]
    late = np.array([row["violations"] for row in rows])
    jobs = np.array([float(row["jobs"]) for row in rows])
    days = np.array([now.date().toordinal() for now in local])
    print("| days | number | late % | worst day, late % | jobs over work |")
    print("|---|---|---|---|---|")
    for name, dates in marks().items():
        here = np.isin(days, [day.toordinal() for day in dates])
        worst = max(
            late[days == day.toordinal()].sum() / events[days == day.toordinal()].sum() for day in dates
        )
        cost = jobs[here].sum() * interval / (events[here].sum() * SERVICE_SECONDS)
        share = late[here].sum() / events[here].sum()
        print(f"| {name} | {len(dates)} | {100 * share:.2f} | {100 * worst:.2f} | {cost:.2f} |")


if __name__ == "__main__":
    main()
