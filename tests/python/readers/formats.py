"""Files as tools write them, all of the same made-up arrivals, so that what they hold is known without reading them.

Each function returns the bytes of a file. The shapes are those of the tools' documentation.
"""

import csv
import gzip
import io
import json
import zipfile
from datetime import datetime, timedelta, timezone

START = datetime(2026, 3, 2, tzinfo=timezone.utc)
COUNTS = [41 + (7 * i) % 29 + 20 * ((i // 12) % 3) for i in range(60)]
"""Five hours in intervals of five minutes."""
TOTAL = 4239
STEP = timedelta(minutes=5)
TIMES = [START + STEP * i for i in range(len(COUNTS))]
ISO = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in TIMES]
EPOCH = [int(at.timestamp()) for at in TIMES]


def table(header, rows, delimiter=",", quote=csv.QUOTE_MINIMAL, encoding="utf-8", before=""):
    out = io.StringIO()
    out.write(before)
    writer = csv.writer(out, delimiter=delimiter, quoting=quote, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def plain(**options):
    return table(["timestamp", "events"], zip(ISO, COUNTS, strict=True), **options)


def of_times(written, name="time"):
    return table([name, "events"], zip(written, COUNTS, strict=True))


def zipped():
    return gzip.compress(plain())


def grafana_excel():
    return table(["Time", "orders in", "orders done", "queue", "workers"],
                 [[at.isoformat(), float(n), "null", "null", 12.0] for at, n in zip(TIMES, COUNTS, strict=True)],
                 delimiter=";", quote=csv.QUOTE_NONNUMERIC, encoding="utf-8-sig", before="sep=;\n")


def german_excel():
    rows = [[f"{at:%d.%m.%Y %H:%M}", f"{n},0"] for at, n in zip(TIMES, COUNTS, strict=True)]
    return table(["Zeit (UTC)", "Anzahl"], rows, delimiter=";", encoding="utf-8-sig")


def thousands():
    return table(["timestamp", "count"], [[at, f"{1000 * n:,}"] for at, n in zip(ISO, COUNTS, strict=True)], quote=csv.QUOTE_ALL)


def kibana():
    rows = [[f"{at:%b} {at.day}, {at.year} @ {at:%H:%M:%S}.000", f"{n:,}"] for at, n in zip(TIMES, COUNTS, strict=True)]
    return table(["@timestamp per 5 minutes", "Count of records"], rows, quote=csv.QUOTE_ALL)


def influx_annotated():
    lines = ["#group,false,false,true,true,false,false,true,true",
             "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string",
             "#default,_result,,,,,,,", ",result,table,_start,_stop,_time,_value,_field,_measurement"]
    lines += [f",,0,{ISO[0]},{ISO[-1]},{at},{n},count,orders" for at, n in zip(ISO, COUNTS, strict=True)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def graphite_csv():
    return table(None, [["stats.orders", f"{at:%Y-%m-%d %H:%M:%S}", float(n)] for at, n in zip(TIMES, COUNTS, strict=True)])


def services(per_second=True):
    """Two services of half the arrivals each, as rates; rows of a time stand together."""
    rows = [[at.isoformat(), name, f"{n / 600:.9f}", "3.5"] for at, n in zip(TIMES, COUNTS, strict=True) for name in ("front", "back")]
    return table(["timestamp", "service", "request_rate_rps" if per_second else "requests", "cpu_usage_pct"], rows)


def grafana_long():
    """Two hosts one after the other, the second one 20 s later than the first."""
    rows = [["in_requests_sec.value(host=a,)", at, f"{n / 600:.9f}"] for at, n in zip(ISO, COUNTS, strict=True)]
    rows += [["in_requests_sec.value(host=b,)", (at + timedelta(seconds=20)).isoformat(), f"{n / 600:.9f}"]
             for at, n in zip(TIMES, COUNTS, strict=True)]
    return table(["Series", "Time", "Value"], rows, delimiter=";")


def counter(reset_at=30):
    total, rows = 90_000, [[f"{START - STEP:%Y-%m-%dT%H:%M:%SZ}", 90_000]]
    for place, (at, n) in enumerate(zip(ISO, COUNTS, strict=True)):
        total = n if place == reset_at else total + n
        rows.append([at, total])
    return table(["time", "value"], rows)


def rate(name="value"):
    return table(["timestamp", name], [[at, f"{n / 300:.4f}"] for at, n in zip(ISO, COUNTS, strict=True)])


def formatted_rate():
    return table(["Time", "orders"], [[f"{at:%Y-%m-%d %H:%M:%S}", f"{n} K req/s"] for at, n in zip(TIMES, COUNTS, strict=True)], quote=csv.QUOTE_ALL)


def raw_requests():
    """A row per request, out of order, its length in milliseconds."""
    at = [EPOCH[0] * 1000 + 5000 * i + (7 * i) % 13 for i in range(400)]
    at[10], at[11] = at[11], at[10]
    rows = [[t, 250, "GET /", 200, "OK", "T 1-1", "text", "true", "", 1, 1, 20, 20, "http://192.0.2.1/", 240, 0, 1] for t in at]
    return table(["timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "dataType", "success", "failureMessage", "bytes", "sentBytes", "grpThreads", "allThreads", "URL", "Latency", "IdleTime", "Connect"], rows)


def access_log(tail=' "-" "curl/8" 0.250'):
    lines = [f'192.0.2.{i % 250} - - [{START + timedelta(seconds=5 * i):%d/%b/%Y:%H:%M:%S %z}] "GET /x?a=1 HTTP/1.1" 200 512{tail}'
             for i in range(400)]
    return ("\n".join(lines) + "\n").encode()


def locust():
    rows, total = [], 0
    for i in range(200):
        total += 3 + i % 4
        for name in ("/a", "Aggregated"):
            rows.append([EPOCH[0] + i, 20, "GET" if name == "/a" else "", name, "4.5", "0", "N/A", total, 0, 80])
    return table(["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", "50%", "Total Request Count",
                  "Total Failure Count", "Total Median Response Time"], rows)


def k6():
    rows = [["http_reqs" if kind == 0 else "http_req_duration", EPOCH[0] + i // 4, 1 if kind == 0 else 83.2, "", "true", "GET", "200"]
            for i in range(1200) for kind in (0, 1)]
    return table(["metric_name", "timestamp", "metric_value", "check", "expected_response", "method", "status"], rows)


def prometheus(labels=({"queue": "orders"},)):
    result = [{"metric": one, "values": [[at, str(n)] for at, n in zip(EPOCH, COUNTS, strict=True)]} for one in labels]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def cloudwatch_statistics(statistic="Sum", label="NumberOfMessagesSent"):
    points = [{"Timestamp": at.isoformat(), statistic: float(n), "Unit": "Count"} for at, n in zip(TIMES, COUNTS, strict=True)]
    return json.dumps({"Label": label, "Datapoints": points[::-2] + points[::2]}).encode()


def cloudwatch_data():
    return json.dumps({"MetricDataResults": [{"Id": "m1", "Label": "Invocations", "Timestamps": [at.isoformat() for at in TIMES][::-1],
                                              "Values": COUNTS[::-1], "StatusCode": "Complete"}], "Messages": []}).encode()


def datadog_v1():
    points = [[1000.0 * at, float(n)] for at, n in zip(EPOCH, COUNTS, strict=True)]
    return json.dumps({"status": "ok", "series": [{"metric": "orders.count", "pointlist": points, "scope": "*", "interval": 300}]}).encode()


def datadog_v2():
    return json.dumps({"data": {"type": "timeseries_response", "attributes": {
        "series": [{"group_tags": []}], "times": [1000 * at for at in EPOCH], "values": [COUNTS]}}}).encode()


def graphite_json():
    return json.dumps([{"target": "stats.orders", "datapoints": [[n, at] for at, n in zip(EPOCH, COUNTS, strict=True)]}]).encode()


def influx_query():
    return json.dumps({"results": [{"statement_id": 0, "series": [{
        "name": "orders", "columns": ["time", "count"], "values": [list(row) for row in zip(ISO, COUNTS, strict=True)]}]}]}).encode()


def elasticsearch():
    buckets = [{"key_as_string": iso, "key": 1000 * at, "doc_count": n} for iso, at, n in zip(ISO, EPOCH, COUNTS, strict=True)]
    return json.dumps({"took": 3, "hits": {"total": {"value": 10_000}, "hits": []}, "aggregations": {"per_5m": {"buckets": buckets}}}).encode()


def rabbitmq():
    total, samples = 500, [{"sample": 500, "timestamp": 1000 * (EPOCH[0] - 300)}]
    for at, n in zip(EPOCH, COUNTS, strict=True):
        total += n
        samples.append({"sample": total, "timestamp": 1000 * at})
    return json.dumps({"name": "orders", "messages": 12, "message_stats": {"publish": total, "publish_details": {
        "rate": 0.2, "samples": samples[::-1]}}}).encode()


def grafana_frames():
    return json.dumps({"results": {"A": {"status": 200, "frames": [{
        "schema": {"refId": "A", "fields": [{"name": "Time", "type": "time"}, {"name": "orders", "type": "number", "labels": {"q": "a"}}]},
        "data": {"values": [[1000 * at for at in EPOCH], COUNTS]}}]}}}).encode()


def json_lines(name="events"):
    return "".join(json.dumps({"timestamp": at, name: n, "host": "a"}) + "\n" for at, n in zip(ISO, COUNTS, strict=True)).encode()


def json_records():
    return json.dumps({"items": [{"timestamp": f"{at:%Y%m%d%H%M}", "views": n, "project": "x"} for at, n in zip(TIMES, COUNTS, strict=True)]}).encode()


def json_pairs():
    return json.dumps({"data": [[1000 * at, n] for at, n in zip(EPOCH, COUNTS, strict=True)]}).encode()


def splunk():
    return table(["_time", "count", "_span", "_spandays"], [[f"{at:%Y-%m-%dT%H:%M:%S}.000+0000", n, 300, ""]
                                                            for at, n in zip(TIMES, COUNTS, strict=True)])


def new_relic():
    rows = [{"beginTimeSeconds": at, "endTimeSeconds": at + 300, "inspectedCount": 3 * n, "results": [{"count": n}]}
            for at, n in zip(EPOCH, COUNTS, strict=True)]
    return json.dumps({"results": rows, "performanceStats": {"inspectedCount": 4}}).encode()


def azure_logs():
    rows = [[f"{at.month}/{at.day}/{at.year}, {at:%I:%M:%S}.000 {at:%p}", n] for at, n in zip(TIMES, COUNTS, strict=True)]
    return table(["timestamp [UTC]", "count_"], rows, quote=csv.QUOTE_NONNUMERIC)


def azure_monitor():
    data = [{"timeStamp": at, "total": n} for at, n in zip(ISO, COUNTS, strict=True)]
    return json.dumps({"value": [{"name": {"value": "IncomingMessages"}, "timeseries": [{"metadatavalues": [], "data": data}]}]}).encode()


def google_monitoring():
    points = [{"interval": {"startTime": f"{at - STEP:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}, "value": {"int64Value": str(n)}}
              for at, n in zip(TIMES, COUNTS, strict=True)]
    return json.dumps({"timeSeries": [{"metric": {"type": "pubsub/publish_message_count"}, "metricKind": "DELTA", "points": points[::-1]}]}).encode()


def google_csv():
    rows = [[f"{at:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)", n] for at, n in zip(TIMES, COUNTS, strict=True)]
    return table(["Timestamp", "orders"], rows, before="TimeSeries ID,project: shop\n\n")


def open_tsdb():
    return json.dumps([{"metric": "orders.count", "tags": {"host": "a"}, "aggregateTags": [],
                        "dps": {str(at): n for at, n in zip(EPOCH, COUNTS, strict=True)}}]).encode()


def elastic_query():
    return json.dumps({"columns": [{"name": "COUNT(*)", "type": "long"}, {"name": "bucket", "type": "date"}],
                       "values": [[n, at] for at, n in zip(ISO, COUNTS, strict=True)]}).encode()


def zabbix():
    return table(["itemid", "clock", "value", "ns"], [[31337, at, n, 123456] for at, n in zip(EPOCH, COUNTS, strict=True)], delimiter=";")


def gatling():
    rows = [["REQUEST", "", "get", 1000 * EPOCH[0] + 5000 * i, 1000 * EPOCH[0] + 5000 * i + 80, "OK", " "] for i in range(400)]
    return table(None, rows, delimiter="\t", before=f"RUN\tsim.Basic\tbasic\t{1000 * EPOCH[0]}\t \t3.9\n")


def vegeta():
    rows = [[10**9 * (EPOCH[0] + 5 * i), 200, 1_500_000 + i, 512, 128, "", "", "attack", i, "GET", "http://192.0.2.1/", ""] for i in range(400)]
    return table(None, rows)


def psql():
    rows = "".join(f" {at:%Y-%m-%d %H:%M:%S}+00 | {n:3d}\n" for at, n in zip(TIMES, COUNTS, strict=True))
    return f"          ts           |  n  \n-----------------------+-----\n{rows}(60 rows)\n\n".encode()


def mysql():
    rule = "+---------------------+-----+\n"
    rows = "".join(f"| {at:%Y-%m-%d %H:%M:%S} | {n:3d} |\n" for at, n in zip(TIMES, COUNTS, strict=True))
    return f"{rule}| ts                  | n   |\n{rule}{rows}{rule}60 rows in set (0.00 sec)\n".encode()


def aligned():
    return ("timestamp              events\n" + "".join(f"{at}   {n}\n" for at, n in zip(ISO, COUNTS, strict=True))).encode()


def date_and_time():
    return table(["Datum", "Uhrzeit", "Anzahl"], [[f"{at:%d.%m.%Y}", f"{at:%H:%M}", n] for at, n in zip(TIMES, COUNTS, strict=True)], delimiter=";")


def iis():
    rows = [f"{START + timedelta(seconds=5 * i):%Y-%m-%d %H:%M:%S} 192.0.2.1 GET / - 443 - 192.0.2.7 curl 200 0 0 250" for i in range(400)]
    return ("#Software: IIS\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status "
            "sc-substatus sc-win32-status time-taken\n" + "\n".join(rows) + "\n").encode()


def netdata():
    return json.dumps({"labels": ["time", "requests", "errors"], "data": [[at, n, 0] for at, n in zip(EPOCH, COUNTS, strict=True)]}).encode()


def chart():
    return json.dumps({"labels": ISO, "datasets": [{"label": "orders", "data": COUNTS}]}).encode()


def log_lines():
    return "".join(f"{START + timedelta(seconds=5 * i):%Y-%m-%dT%H:%M:%SZ} INFO handled request {i}\n" for i in range(400)).encode()


def zip_archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("orders.csv", plain())
    return out.getvalue()


def indian():
    return table(["time", "n"], [[at, f"1,23,{n:03d}"] for at, n in zip(ISO, COUNTS, strict=True)], quote=csv.QUOTE_ALL)


def preface_with_a_date():
    return table(["Date", "Orders", "Errors"], [[at, n, 0] for at, n in zip(ISO, COUNTS, strict=True)],
                 before="Report,Orders\nGenerated,2026-03-03\n\n")


def lines_of(records):
    return "".join(json.dumps(one) + "\n" for one in records).encode()


def requests_at(form):
    return [(START + timedelta(seconds=5 * i)).strftime(form) for i in range(400)]


def nginx_json():
    return lines_of({"time_iso8601": at, "remote_addr": "192.0.2.1", "request": "GET / HTTP/1.1", "status": "200", "body_bytes_sent": "512",
                     "request_time": "0.120"} for at in requests_at("%Y-%m-%dT%H:%M:%S+00:00"))


def traefik():
    return lines_of({"Duration": 120_000_000, "RequestCount": i + 1, "RequestMethod": "GET", "StartUTC": at, "DownstreamStatus": 200,
                     "time": at} for i, at in enumerate(requests_at("%Y-%m-%dT%H:%M:%SZ")))


def caddy():
    return lines_of({"level": "info", "ts": EPOCH[0] + 5.0 * i, "request": {"remote_ip": "192.0.2.1", "method": "GET", "uri": "/"},
                     "duration": 0.12, "status": 200} for i in range(400))


def haproxy():
    return "".join(f"Mar  2 00:00:00 lb haproxy[14389]: 192.0.2.2:33317 [{at}.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 "
                   f'0/0 "GET / HTTP/1.1"\n' for at in requests_at("%d/%b/%Y:%H:%M:%S")).encode()


def k6_lines():
    points = [{"metric": "http_reqs", "type": "Point", "data": {"time": f"{at:%Y-%m-%dT%H:%M:%S}.000000123Z", "value": 1, "tags": {}}}
              for at in (START + timedelta(seconds=i // 4) for i in range(1200))]
    return lines_of([{"type": "Metric", "data": {"name": "http_reqs", "type": "counter"}, "metric": "http_reqs"}, *points])


def totals():
    out, total = [], 0
    for n in COUNTS:
        total += n
        out.append(total)
    return out


def victoria_metrics():
    return lines_of({"metric": {"__name__": "orders_total", "pod": pod}, "values": totals(), "timestamps": [1000 * at for at in EPOCH]}
                    for pod in "ab")


def dynatrace(services=("a", "b")):
    data = [{"dimensions": [one], "dimensionMap": {"service": one}, "timestamps": [1000 * at for at in EPOCH], "values": COUNTS}
            for one in services]
    return json.dumps({"totalCount": 1, "resolution": "5m", "result": [{"metricId": "builtin:service.requestCount.total", "data": data}]}).encode()


def open_telemetry(cumulative):
    return lines_of({"resourceMetrics": [{"resource": {"attributes": []}, "scopeMetrics": [{"scope": {}, "metrics": [{
        "name": "orders", "unit": "1", "sum": {"aggregationTemporality": 2 if cumulative else 1, "isMonotonic": True, "dataPoints": [
            {"attributes": [{"key": "queue", "value": {"stringValue": "a"}}], "timeUnixNano": str(10**9 * at), "asInt": str(n)}]}}]}]}]}
        for at, n in zip(EPOCH, totals() if cumulative else COUNTS, strict=True))


def elasticsearch_sum():
    buckets = [{"key": 1000 * at, "key_as_string": iso, "doc_count": n, "items": {"value": 3.0 * n}}
               for iso, at, n in zip(ISO, EPOCH, COUNTS, strict=True)]
    return json.dumps({"aggregations": {"per_5m": {"buckets": buckets}}}).encode()


def open_metrics(dump):
    """The text that Prometheus scrapes, with times, and what `promtool tsdb dump` writes."""
    if dump:
        rows = [f'{{__name__="orders_total", path="/{{id}}", job="shop"}} {n} {at}000' for at, n in zip(EPOCH, totals(), strict=True)]
    else:
        rows = ["# TYPE orders counter", *(f'orders_total{{job="the shop",path="/"}} {n} {at}.000' for at, n in zip(EPOCH, totals(), strict=True)), "# EOF"]
    return ("\n".join(rows) + "\n").encode()


def google_analytics():
    preface = "# ----------------------------------------\n# Events by minute\n# Property: shop\n# ----------------------------------------\n#\n# Start date: 20260302\n"
    return table(["Date + hour and minute", "Event count"], [*((f"{at:%Y%m%d%H%M}", n) for at, n in zip(TIMES, COUNTS, strict=True)), ("", TOTAL)], before=preface)


def sentry():
    series = {"sum(quantity)": COUNTS}
    return json.dumps({"start": ISO[0], "end": ISO[-1], "intervals": ISO, "groups": [
        {"by": {"outcome": "accepted"}, "totals": {"sum(quantity)": TOTAL}, "series": series}]}).encode()


def honeycomb():
    rows = [{"time": at, "data": {"COUNT": n}} for at, n in zip(ISO, COUNTS, strict=True)]
    return json.dumps({"id": "x", "complete": True, "data": {"series": rows, "results": [{"data": {"COUNT": TOTAL}}]}}).encode()


def load_balancer():
    """Access log of an AWS Application Load Balancer."""
    rows = (f'https {START + timedelta(seconds=5 * i):%Y-%m-%dT%H:%M:%S.%f}Z app/shop/50dc 192.0.2.{i % 200}:2817 10.0.0.1:80 0.000 0.0{i % 9 + 1} 0.000 '
            '200 200 34 366 "GET https://shop.example:443/ HTTP/1.1" "curl/8" - - arn:aws:t/7 "Root=1-58" "shop.example" "-" 0 "forward"' for i in range(400))
    return ("\n".join(rows) + "\n").encode()


def app_dynamics():
    values = [{"startTimeInMillis": 1000 * at, "count": 5, "sum": n, "value": n // 5} for at, n in zip(EPOCH, COUNTS, strict=True)]
    return json.dumps([{"metricName": "Calls per Minute", "frequency": "FIVE_MIN", "metricValues": values}]).encode()
