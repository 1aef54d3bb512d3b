"""A history under evscale and under the rules people use today. docs/python.md shows this program as it is."""

import sys

import evscale

config = evscale.Config(min_jobs=1, max_jobs=90, sla_wait_seconds=30.0, sla_target=0.995, service_time_ms=2000)
report = evscale.backtest(sys.argv[1], config, columns={"timestamp": "time", "events": "orders"}, gaps="interpolate")
print(report)                                  # scores of evscale, HPA, KEDA, Flink, Ray Serve and more
print(report.what_if(sla_target=0.999))        # one setting changed
report.to_html("report.html", title="orders")  # one page to hand on
frame = report.intervals()                     # arrivals, jobs, backlog and waits of every interval
