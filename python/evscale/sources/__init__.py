"""Histories from servers.

| source | module | client, and why |
|---|---|---|
| Prometheus, Thanos, Mimir, Grafana Cloud, VictoriaMetrics | `prometheus` | the standard library's http.client: one documented request, with limits of our own on time, size and redirects |
| PostgreSQL, TimescaleDB | `postgres` | the caller's DB-API connection, such as psycopg's (extra `postgres`) |
| CloudWatch | `cloudwatch` | the caller's boto3 client (extra `aws`): it signs requests and finds credentials |
| Kafka | `kafka` | the caller's confluent-kafka consumer (extra `kafka`), librdkafka by Kafka's own vendor |
| Redis streams | `redis` | the caller's redis-py client (extra `redis`) |
| Datadog | `datadog` | the standard library's http.client, as above |
| InfluxDB | `influxdb` | the standard library's http.client, as above |
| RabbitMQ | `rabbitmq` | the standard library's http.client, on the management plugin |

What a server answers wrongly is an `EvscaleError`; a server that cannot be reached is a `ConnectionError`, one that is too slow a
`TimeoutError`. Messages hold no credentials, and no more than a line of what the server said.
"""
