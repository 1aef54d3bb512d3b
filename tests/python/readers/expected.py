"""What the readers understand of each made file, worked out from how it was made."""

from dataclasses import dataclass, field

import formats as made


def _reordered(data, order):
    header, *rows = data.decode().splitlines()
    return "\n".join([header, *rows[order]]).encode()


def _unsorted(data):
    header, *rows = data.decode().splitlines()
    return "\n".join([header, *rows[20:], *rows[:20][::-1]]).encode()


FIRST, LAST = "2026-03-02T00:00:00Z", "2026-03-02T04:55:00Z"


@dataclass(frozen=True)
class Expected:
    """What is understood of a file, and the options without which it is refused."""

    data: object
    rows: int = 60
    interval: float = 300
    total: float = made.TOTAL
    first: str = FIRST
    last: str = LAST
    kind: str = "count"
    name: str = "file.csv"
    needs: dict = field(default_factory=dict)


REQUESTS = {"rows": 400, "total": 400, "interval": 120, "last": "2026-03-02T00:33:15Z", "kind": "events"}
FILES = {
    "plain": Expected(made.plain),
    "semicolons": Expected(lambda: made.plain(delimiter=";")),
    "tabs": Expected(lambda: made.plain(delimiter="\t")),
    "bars": Expected(lambda: made.plain(delimiter="|")),
    "every cell quoted": Expected(lambda: made.plain(quote=1)),
    "byte order mark": Expected(lambda: made.plain(encoding="utf-8-sig")),
    "utf-16": Expected(lambda: made.plain(encoding="utf-16")),
    "comments before": Expected(lambda: made.plain(before="# made by a tool\n# on Monday\n")),
    "title before": Expected(lambda: made.plain(before="Report: orders\n\n")),
    "gzip": Expected(made.zipped),
    "no name that tells": Expected(made.zipped, name="export"),
    "a row of totals after": Expected(lambda: made.plain() + b"Total,4239\n"),
    "blank lines": Expected(lambda: made.plain().replace(b"\n", b"\n\n")),
    "windows line ends": Expected(lambda: made.plain().replace(b"\n", b"\r\n")),
    "newest first": Expected(lambda: _reordered(made.plain(), slice(None, None, -1))),
    "unsorted": Expected(lambda: _unsorted(made.plain())),
    "grafana for Excel": Expected(made.grafana_excel),
    "German Excel": Expected(made.german_excel),
    "thousands": Expected(made.thousands, total=1000 * made.TOTAL),
    "influx annotated": Expected(made.influx_annotated),
    "kibana": Expected(made.kibana, needs={"time_zone": "UTC"}),
    "graphite csv": Expected(made.graphite_csv, needs={"time_zone": "UTC"}),
    "services": Expected(made.services, rows=120, kind="rate", needs={"sum": True}),
    "grafana long, staggered": Expected(made.grafana_long, rows=120, kind="rate", last="2026-03-02T04:55:20Z", needs={"sum": True}),
    "counter": Expected(made.counter, rows=61, first="2026-03-01T23:55:00Z", kind="counter"),
    "rate": Expected(made.rate, kind="rate"),
    "rate by name": Expected(lambda: made.rate("requests_per_second"), kind="rate"),
    "formatted rate": Expected(made.formatted_rate, total=300_000 * made.TOTAL, kind="rate", needs={"time_zone": "UTC"}),
    "jmeter": Expected(made.raw_requests, **REQUESTS | {"last": "2026-03-02T00:33:15.011Z"}),
    "access log": Expected(made.access_log, **REQUESTS),
    "access log without a duration": Expected(lambda: made.access_log(""), **REQUESTS),
    "locust": Expected(made.locust, rows=200, interval=1, total=897, last="2026-03-02T00:03:19Z", kind="counter"),
    "k6": Expected(made.k6, rows=1200, interval=15, total=1200, last="2026-03-02T00:04:59Z"),
    "prometheus": Expected(made.prometheus, name="a.json"),
    "prometheus, two series": Expected(lambda: made.prometheus(({"q": "a"}, {"q": "b"})), rows=120, total=2 * made.TOTAL, needs={"sum": True}),
    "cloudwatch statistics": Expected(made.cloudwatch_statistics),
    "cloudwatch data": Expected(made.cloudwatch_data),
    "datadog 1": Expected(made.datadog_v1),
    "datadog 2": Expected(made.datadog_v2),
    "graphite": Expected(made.graphite_json),
    "influx query": Expected(made.influx_query),
    "elasticsearch": Expected(made.elasticsearch),
    "rabbitmq": Expected(made.rabbitmq, rows=61, first="2026-03-01T23:55:00Z", kind="counter"),
    "grafana frames": Expected(made.grafana_frames),
    "json lines": Expected(made.json_lines, name="a.ndjson"),
    "json records with digits as times": Expected(made.json_records, needs={"time_zone": "UTC"}),
    "splunk": Expected(made.splunk),
    "new relic": Expected(made.new_relic),
    "azure logs": Expected(made.azure_logs),
    "azure monitor": Expected(made.azure_monitor),
    "google monitoring": Expected(made.google_monitoring),
    "google csv": Expected(made.google_csv),
    "opentsdb": Expected(made.open_tsdb),
    "elastic query": Expected(made.elastic_query),
    "zabbix": Expected(made.zabbix),
    "gatling": Expected(made.gatling, **REQUESTS),
    "vegeta": Expected(made.vegeta, **REQUESTS, needs={"kind": "events"}),
    "psql": Expected(made.psql),
    "mysql": Expected(made.mysql, needs={"time_zone": "UTC"}),
    "aligned with spaces": Expected(made.aligned),
    "dates and times apart": Expected(made.date_and_time, needs={"time_zone": "UTC"}),
    "iis": Expected(made.iis, **REQUESTS),
    "lines of a log": Expected(made.log_lines, **REQUESTS, needs={"kind": "events"}),
    "access log with hosts": Expected(lambda: made.access_log().replace(b"192.0.2", b"shop:443 192.0.2"), **REQUESTS),
    "netdata": Expected(made.netdata),
    "lists of a chart": Expected(made.chart),
    "a few rows twice": Expected(lambda: made.plain() + b"\n".join(made.plain().splitlines()[-3:])),
    "json pairs": Expected(made.json_pairs),
    "zip archive": Expected(made.zip_archive, name="orders.zip"),
    "lakhs": Expected(made.indian, total=123_000 * 60 + made.TOTAL),
    "a date before the header": Expected(made.preface_with_a_date),
    "access log of nginx in JSON": Expected(made.nginx_json, **REQUESTS),
    "access log of Traefik": Expected(made.traefik, **REQUESTS),
    "access log of Caddy": Expected(made.caddy, **REQUESTS),
    "haproxy": Expected(made.haproxy, **REQUESTS | {"first": "2026-03-02T00:00:00.655Z", "last": "2026-03-02T00:33:15.655Z"},
                        needs={"kind": "events", "time_zone": "UTC"}),
    "k6 in JSON": Expected(made.k6_lines, rows=1200, interval=15, total=1200, last="2026-03-02T00:04:59Z"),
    "victoria metrics": Expected(made.victoria_metrics, rows=120, total=2 * (made.TOTAL - 41), kind="counter", needs={"sum": True}),
    "dynatrace": Expected(made.dynatrace, rows=120, total=2 * made.TOTAL, needs={"sum": True}),
    "dynatrace, one series": Expected(lambda: made.dynatrace("a")),
    "open telemetry": Expected(lambda: made.open_telemetry(False)),
    "open telemetry, running totals": Expected(lambda: made.open_telemetry(True), total=made.TOTAL - 41, kind="counter"),
    "elasticsearch with a sum beside": Expected(made.elasticsearch_sum),
    "app dynamics": Expected(made.app_dynamics, needs={"columns": {"events": "sum"}}),
    "open metrics": Expected(lambda: made.open_metrics(False), rows=60, total=made.TOTAL - 41, kind="counter", name="metrics.txt"),
    "dump of a time series base": Expected(lambda: made.open_metrics(True), rows=60, total=made.TOTAL - 41, kind="counter", name="dump.txt"),
    "google analytics": Expected(made.google_analytics, needs={"time_zone": "UTC"}),
    "sentry": Expected(made.sentry, name="a.json"),
    "honeycomb": Expected(made.honeycomb, name="a.json"),
    "load balancer": Expected(made.load_balancer, **REQUESTS, needs={"kind": "events"}, name="alb.log"),
}
