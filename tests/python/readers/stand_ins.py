"""Stand-ins for the files that users brought: the same shapes with made-up values, so that these checks need no file from outside.

Each function is named like the file that it stands in for and returns its bytes, what is in them, and the options that have to be
told. What is in them comes from the numbers that were written, not from reading.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import formats as made

START = made.START
LOAD = [40 + (11 * i) % 37 + 25 * ((i // 18) % 2) for i in range(120)]
FIVE_MINUTES = timedelta(minutes=5)


@dataclass(frozen=True)
class StandIn:
    data: bytes
    interval_seconds: float
    rows: int
    total_events: float
    first: datetime
    last: datetime
    kind: str = "count"
    needs: tuple[str, ...] = field(default=())


def times(step, count, start=START):
    return [start + step * i for i in range(count)]


def iso(at):
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def simple(data, needs=(), kind="count", step=FIVE_MINUTES, loads=LOAD, total=None, rows=None, at=None):
    at = at or times(step, len(loads))
    return StandIn(data, step.total_seconds(), rows or len(loads), sum(loads) if total is None else total, at[0], at[-1], kind, needs)


def of_rows(header, rows, **options):
    return made.table(header, rows, **options)


def five(write):
    """Returns what `write(time, count)` makes of every five minutes of the load."""
    return [write(at, n) for at, n in zip(times(FIVE_MINUTES, len(LOAD)), LOAD, strict=True)]


def flink_input_rate_epoch_s():
    step, loads = timedelta(seconds=15), [0, 0, *(1000.5 + n for n in LOAD)]
    at = times(step, len(loads))
    rows = [[int(t.timestamp()), "input_rate", n] for t, n in zip(at, loads, strict=True)]
    return simple(of_rows(["timestamp", "__name__", "value"], rows), kind="rate", step=step, loads=loads, total=15 * sum(loads))


def kafka_lag_epoch_s_nan():
    step = timedelta(seconds=15)
    rows = [[int(t.timestamp()), "lag", "NaN" if i == 0 else n] for i, (t, n) in enumerate(zip(times(step, len(LOAD)), LOAD, strict=True))]
    return simple(of_rows(["timestamp", "__name__", "value"], rows), ("--kind", "count"), step=step, total=sum(LOAD[1:]))


def grafana_long_semicolon():
    """Two hosts one after the other, 7 s apart."""
    step = timedelta(seconds=30)
    rows = [[f"net.in_requests_sec.value(device=eth0,hostname={host},service=orders,)", f"{iso(t + late)[:-1]}.000Z", f"{n / 8:.4f}"]
            for host, late in (("host-a", timedelta()), ("host-b", timedelta(seconds=7))) for t, n in zip(times(step, len(LOAD)), LOAD, strict=True)]
    at = times(step, len(LOAD))
    return StandIn(of_rows(["Series", "Time", "Value"], rows, delimiter=";"), 30, 2 * len(LOAD), 2 * 30 * sum(LOAD) / 8, at[0],
                   at[-1] + timedelta(seconds=7), "rate", ("--sum",))


def grafana_sep_wide_bom_null():
    rows = five(lambda t, n: [(t.astimezone(timezone(timedelta(hours=2)))).isoformat(), float(n), float(n - 1), "null", 12.0])
    return simple(of_rows(["Time", "orders in", "orders done", "queue", "workers"], rows, delimiter=";", encoding="utf-8-sig", before="sep=;\n"))


def services_long_rate_jitter():
    step, names = timedelta(seconds=30), ("front-end", "carts", "orders")
    at = [t + timedelta(microseconds=257_140 + 911 * i) for i, t in enumerate(times(step, len(LOAD)))]
    rows = [[t.isoformat(), name, f"{n / 60:.6f}", 0.0, 5.76, 1.9] for t, n in zip(at, LOAD, strict=True) for name in names]
    header = ["timestamp", "service", "request_rate_rps", "error_rate_pct", "p95_latency_ms", "cpu_usage_pct"]
    return StandIn(of_rows(header, rows), 30, 3 * len(LOAD), 3 * 30 * sum(round(n / 60, 6) for n in LOAD), at[0], at[-1], "rate", ("--sum",))


def locust_stats_history():
    step, total, rows = timedelta(seconds=1), 0, []
    for t, n in zip(times(step, len(LOAD)), LOAD, strict=True):
        total += n
        rows.append([int(t.timestamp()), 0, "", "Aggregated", f"{n / 2:.6f}", "0.000000", "N/A", total, 0, 800])
    header = ["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", "50%", "Total Request Count", "Total Failure Count",
              "Total Median Response Time"]
    return simple(of_rows(header, rows), kind="counter", step=step, total=sum(LOAD[1:]))


def jmeter_jtl_raw_requests():
    at = [START + timedelta(milliseconds=2000 * i + (7 * i) % 13) for i in range(110)]
    at[5], at[6] = at[6], at[5]
    rows = [[round(t.timestamp() * 1000), 944, "HTTP Request", 200, "OK", "T 1-0", "text", "true", "", 52560, 120, 20, 20, "http://192.0.2.1/", 894,
             0, 40] for t in at]
    header = ["timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "dataType", "success", "failureMessage", "bytes", "sentBytes", "grpThreads", "allThreads", "URL", "Latency", "IdleTime", "Connect"]
    return StandIn(of_rows(header, rows), 15, 110, 110, min(at), max(at), "events")


def nab_elb_cloudwatch_gaps():
    at = times(FIVE_MINUTES, len(LOAD), START + timedelta(minutes=4))
    kept = [i for i in range(len(LOAD)) if i not in (30, 31, 77)]
    data = of_rows(["timestamp", "value"], [[f"{at[i]:%Y-%m-%d %H:%M:%S}", float(LOAD[i])] for i in kept])
    return StandIn(data, 300, len(kept), sum(LOAD[i] for i in kept), at[0], at[-1])


def nab_cpu_percent_named_value():
    loads = [n / 500 for n in LOAD]
    return simple(of_rows(["timestamp", "value"], five(lambda t, n: [f"{t:%Y-%m-%d %H:%M:%S}", n / 500])), ("--kind", "count"), loads=loads)


def cloudwatch_sqs_unsorted():
    points = five(lambda t, n: {"Timestamp": t.isoformat(), "Sum": float(n), "Unit": "Count"})
    return simple(json.dumps({"Label": "NumberOfMessagesSent", "Datapoints": points[::-2] + points[::2]}, indent=1).encode())


def prometheus_query_range(queues=("orders",), needs=()):
    result = [{"metric": {"queue": one}, "values": five(lambda t, n: [int(t.timestamp()), str(n)])} for one in queues]
    data = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()
    return simple(data, needs, total=len(queues) * sum(LOAD), rows=len(queues) * len(LOAD))


def prometheus_two_series():
    return prometheus_query_range(("orders", "mails"), ("--sum",))


def counter_with_reset():
    total, rows = 70_000, []
    for i, (t, n) in enumerate(zip(times(FIVE_MINUTES, len(LOAD)), LOAD, strict=True)):
        total = n if i == 50 else total + n
        rows.append([iso(t), total])
    return simple(of_rows(["timestamp", "value"], rows), kind="counter", total=sum(LOAD[1:]))


def rate_per_second():
    rows = five(lambda t, n: [iso(t), f"{n / 300:.4f}"])
    return simple(of_rows(["timestamp", "value"], rows), kind="rate", total=300 * sum(round(n / 300, 4) for n in LOAD))


def influx_annotated():
    lines = ["#group,false,false,true,true,false,false,true,true",
             "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string", "#default,_result,,,,,,,",
             ",result,table,_start,_stop,_time,_value,_field,_measurement"]
    rows = five(lambda t, n: f",,0,{iso(START)},{iso(START + timedelta(days=1))},{iso(t)},{n},count,orders")
    return simple("\r\n".join([*lines, *rows, ""]).encode())


def kibana_table():
    rows = five(lambda t, n: [f"{t:%b} {t.day}, {t.year} @ {t:%H:%M:%S}.000", f"{40 * n:,}"])
    return simple(of_rows(["@timestamp per 5 minutes", "Count of records"], rows, quote=1), total=40 * sum(LOAD))


def excel_german():
    rows = five(lambda t, n: [iso(t), f"{n},5"])
    return simple(of_rows(["Zeit", "Anzahl"], rows, delimiter=";", encoding="utf-8-sig"), total=sum(LOAD) + len(LOAD) / 2)


def grafana_formatted_units():
    rows = five(lambda t, n: [f"{t:%Y-%m-%d %H:%M:%S}", f"1.{n:02d} K req/s" if n < 100 else "1.00 K req/s", f"{n} req/s"])
    orders = sum(1000 + 10 * n if n < 100 else 1000 for n in LOAD)
    data = of_rows(["Time", '{queue="orders"}', '{queue="mails"}'], rows, quote=1)
    return simple(data, ("--sum",), kind="rate", total=300 * (orders + sum(LOAD)))


def us_dates():
    rows = five(lambda t, n: f'{t.month}/{t.day}/{t.year} {t:%I:%M %p},"{n}"')
    return simple("\n".join(["Date,Orders", *rows, ""]).encode())


def wikipedia_hourly():
    at = times(timedelta(hours=1), len(LOAD))
    return simple(of_rows(["timestamp", "views"], [[f"{t:%Y%m%d%H}", n] for t, n in zip(at, LOAD, strict=True)]), step=timedelta(hours=1))


def bigquery_utc():
    return simple(of_rows(["ts", "n"], five(lambda t, n: [f"{t:%Y-%m-%d %H:%M:%S} UTC", n])))


def sqs_zero_means_no_row():
    kept = [i for i in range(len(LOAD)) if i % 17]
    at = times(FIVE_MINUTES, len(LOAD))
    data = of_rows(["Timestamp", "Sum"], [[at[i].isoformat(), float(LOAD[i])] for i in kept])
    return StandIn(data, 300, len(kept), sum(LOAD[i] for i in kept), at[kept[0]], at[kept[-1]])


def drifting_clock():
    at = [t + timedelta(seconds=i // 9) for i, t in enumerate(times(FIVE_MINUTES, len(LOAD)))]
    return simple(of_rows(["timestamp", "events"], [[iso(t), n] for t, n in zip(at, LOAD, strict=True)]), at=at)


def ndjson():
    return simple("\n".join(five(lambda t, n: json.dumps({"timestamp": iso(t), "events": n}))).encode())


def decide_records(step, written=lambda t: t.isoformat()):
    at = times(step, 60, START + step)
    rows = [json.dumps({"timestamp": written(t), "logged_events_count": 160, "current_job_count": 12, "average_processing_duration_ms": 4000})
            for t in at]
    return simple("\n".join(rows).encode(), step=step, loads=[160] * 60, at=at)


def decide_60s_records():
    return decide_records(timedelta(seconds=60))


def decide_15s_records():
    return decide_records(timedelta(seconds=15))


def decide_epoch_seconds():
    return decide_records(timedelta(seconds=120), lambda t: int(t.timestamp()))


def graphite_render():
    return simple(of_rows(None, five(lambda t, n: ["stats.orders", f"{t:%Y-%m-%d %H:%M:%S}", float(n)])))


def nested_parquet():
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    out, at = io.BytesIO(), times(FIVE_MINUTES, len(LOAD))
    pq.write_table(pa.table({"timestamp": at, "metrics": [{"count": n, "labels": {"queue": "orders"}} for n in LOAD]}), out)
    return simple(out.getvalue())


def plain_gz():
    import gzip

    return simple(gzip.compress(of_rows(["timestamp", "events"], five(lambda t, n: [iso(t), n]))))


def nginx_access():
    at = times(timedelta(seconds=5), 140)
    lines = [f'192.0.2.{i} - - [{t:%d/%b/%Y:%H:%M:%S +0000}] "GET /x HTTP/1.1" 200 512 "-" "-" 0.{i % 10}12' for i, t in enumerate(at)]
    return StandIn("\n".join([*lines, ""]).encode(), 60, 140, 140, at[0], at[-1], "events")


FILES = {
    "01.csv": flink_input_rate_epoch_s, "02.csv": kafka_lag_epoch_s_nan, "03.csv": grafana_long_semicolon, "04.csv": grafana_sep_wide_bom_null,
    "05.csv": services_long_rate_jitter, "06.csv": locust_stats_history, "07.csv": jmeter_jtl_raw_requests, "08.csv": nab_elb_cloudwatch_gaps,
    "09.csv": nab_cpu_percent_named_value, "10.json": cloudwatch_sqs_unsorted, "11.json": prometheus_query_range, "12.json": prometheus_two_series,
    "14.csv": counter_with_reset, "15.csv": rate_per_second, "17.csv": influx_annotated, "18.csv": kibana_table, "19.csv": excel_german,
    "20.csv": grafana_formatted_units, "21.csv": us_dates, "22.csv": wikipedia_hourly, "23.csv": bigquery_utc, "24.csv": sqs_zero_means_no_row,
    "26.csv": drifting_clock, "27.ndjson": ndjson, "28.csv": graphite_render, "29.jsonl": decide_60s_records, "31.jsonl": decide_15s_records,
    "32.jsonl": decide_epoch_seconds, "33.parquet": nested_parquet, "34.csv.gz": plain_gz, "35.log": nginx_access,
}
