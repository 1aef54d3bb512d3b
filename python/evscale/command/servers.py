"""Histories of servers from the command line: an address in the place of a file."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import evscale

from .._refuse import missing, refuse
from ..readers.moments import moment
from .terminal import text_of

DAYS = 14.0


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds the options of servers."""
    group = part.add_argument_group(
        "servers in the place of FILE", "http://prometheus:9090, influxdb:http://host:8086/DATABASE, datadog:https://api.datadoghq.eu, "
        "rabbitmq:http://host:15672, kafka://broker:9092 or redis://host:6379/0 with --query; postgresql://host/database with --table; "
        "cloudwatch:NAMESPACE/METRIC with --dimension")
    group.add_argument("--query", metavar="EXPRESSION", help="of Prometheus, such as 'sum(increase(events_total[2m]))', of InfluxDB or Datadog; or "
                       "the name of RabbitMQ's queue, Kafka's topic or Redis' stream")
    group.add_argument("--table", metavar="NAME", help="of PostgreSQL: a row per event")
    group.add_argument("--days", type=float, default=DAYS, help="length of the range (default: %(default)g)")
    group.add_argument("--end", metavar="TIME", help="end of the range, such as 2026-01-05T00:00:00Z; now without")
    group.add_argument("--user", metavar="NAME", help="who asks; the password is in the variable EVSCALE_PASSWORD")
    group.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token of Prometheus or InfluxDB")
    group.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help="of Prometheus: a further header")
    group.add_argument("--tenant", metavar="ID", help="of Mimir or Loki: X-Scope-OrgID")
    group.add_argument("--ca", type=Path, metavar="FILE", help="of Prometheus: certificates of the server's authority")
    group.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="for each request (default: %(default)g)")
    group.add_argument("--dimension", action="append", default=[], metavar="NAME=VALUE", help="of CloudWatch")
    group.add_argument("--property", action="append", default=[], metavar="NAME=VALUE", help="of Kafka: a setting of librdkafka, such as "
                       "security.protocol=SASL_SSL")


def is_server(name: str) -> bool:
    """Tells whether the argument is an address of a server."""
    return name.startswith(tuple(SERVERS))


def server_history(args: argparse.Namespace) -> evscale.History:
    """Returns the history that a server has."""
    prefix = next(one for one in SERVERS if args.file.startswith(one))
    usual_seconds, read = SERVERS[prefix]
    interval = args.interval or usual_seconds
    end = _end(args.end, interval)
    start = end - timedelta(seconds=interval * max(3, round(args.days * 86_400 / interval)))
    return read(args, {"start": start, "end": end, "interval_seconds": interval})


def _end(text: str | None, interval: int) -> datetime:
    """Returns the end of the range, on a whole interval."""
    if text is None:
        seconds = datetime.now(timezone.utc).timestamp()
    else:
        found = moment(text)
        if found is None or found[1] < -1000:
            raise refuse(f"--end got {text!r}, expected a time with its zone such as 2026-01-05T00:00:00Z")
        seconds = found[0] / 1000 - 60 * found[1]
    return datetime.fromtimestamp(seconds // interval * interval, tz=timezone.utc)


def _asked(args: argparse.Namespace, example: str) -> str:
    if args.query is None:
        raise refuse(f"an address of {example}")
    return str(args.query)


def _user(args: argparse.Namespace) -> tuple[str, str] | None:
    return None if args.user is None else (args.user, os.environ.get("EVSCALE_PASSWORD", ""))


def _token(args: argparse.Namespace) -> str | None:
    return None if args.token_file is None else text_of(args.token_file).strip()


def _prometheus(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import prometheus
    from .reading import pairs

    query = _asked(args, "Prometheus needs --query, such as --query 'sum(increase(events_total[2m]))'")
    return prometheus.read_range(args.file, query, **usual, kind=args.kind, timeout=args.timeout, user=_user(args), token=_token(args),
                                 tenant=args.tenant, ca=args.ca, headers=pairs(args.header, "--header", "NAME=VALUE"))


def _influxdb(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import influxdb

    query = _asked(args, "InfluxDB needs --query, such as --query 'SELECT sum(\"n\") FROM orders WHERE $range GROUP BY time(2m)'")
    url, _, database = args.file.removeprefix("influxdb:").rpartition("/")
    if "//" not in url.rstrip("/"):
        raise refuse("an address of InfluxDB without a database, expected one such as influxdb:http://host:8086/DATABASE")
    return influxdb.read_query(url, query, database=database, **usual, kind=args.kind, zero=args.gaps == "zero", token=_token(args),
                               user=_user(args), timeout=args.timeout)


def _datadog(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import datadog

    query = _asked(args, "Datadog needs --query, such as --query 'sum:orders.count{*}.as_count().rollup(sum, 300)'")
    keys: dict[str, Any] = {name: os.environ.get(variable, "") for name, variable in (("api_key", "DD_API_KEY"), ("app_key", "DD_APP_KEY"))}
    if not all(keys.values()):
        raise refuse("Datadog needs the keys DD_API_KEY and DD_APP_KEY in the environment, expected both")
    site: dict[str, Any] = {"site": args.file.removeprefix("datadog:")} if args.file != "datadog:" else {}
    return datadog.read_query(query, **usual, **keys, **site, kind=args.kind, timeout=args.timeout)


def _rabbitmq(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import rabbitmq

    queue = _asked(args, "RabbitMQ needs --query QUEUE, the name of a queue")
    hours = 1.0 if args.days == DAYS else 24 * args.days
    return rabbitmq.read_queue(args.file.removeprefix("rabbitmq:"), queue, hours=hours, interval_seconds=usual["interval_seconds"], user=_user(args),
                               timeout=args.timeout)


def _kafka(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import kafka
    from .reading import pairs

    topic = _asked(args, "Kafka needs --query TOPIC, the name of a topic")
    try:
        from confluent_kafka import Consumer, KafkaException
    except ImportError:
        raise missing("confluent-kafka", "Kafka", "kafka") from None
    user = _user(args)
    settings = {"bootstrap.servers": args.file.removeprefix("kafka://").rstrip("/"), "group.id": "evscale", "log_level": 0,
                **({} if user is None else {"sasl.username": user[0], "sasl.password": user[1]}),
                **(pairs(args.property, "--property", "NAME=VALUE") or {})}
    try:
        consumer = Consumer(settings)
    except KafkaException as problem:
        raise refuse(f"--property: {problem.args[0].str()}") from None
    try:
        return kafka.read_topic(consumer, topic, **usual, timeout=args.timeout)
    finally:
        consumer.close()


def _redis(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import redis as streams

    stream = _asked(args, "Redis needs --query STREAM, the key of a stream")
    try:
        import redis
    except ImportError:
        raise missing("redis", "Redis", "redis") from None
    user = _user(args)
    try:
        client = redis.Redis.from_url(args.file, socket_timeout=args.timeout, **({} if user is None else {"username": user[0], "password": user[1]}))
    except ValueError:
        raise refuse("an address of Redis that is malformed, expected one such as redis://host:6379/0") from None
    with client:
        return streams.read_stream(client, stream, **usual, timeout=args.timeout)


def _postgres(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import postgres
    from .reading import pairs

    if args.table is None:
        raise refuse("an address of PostgreSQL needs --table; --column timestamp=NAME names its column of times")
    try:
        import psycopg
    except ImportError:
        raise missing("psycopg", "PostgreSQL", "postgres") from None
    columns = pairs(args.column, "--column", "ROLE=NAME such as timestamp=created_at") or {}
    parts = urlsplit(args.file)
    try:
        connection = psycopg.connect(args.file, connect_timeout=max(2, round(args.timeout)))
    except psycopg.Error as problem:
        said = str(problem).splitlines()[-1].replace(unquote(parts.password or "\0"), "...")
        raise refuse(f"postgresql://{parts.hostname}{parts.path}: {said}; libpq's PGPASSWORD and ~/.pgpass hold passwords") from None
    with connection:
        return postgres.read_table(
            connection, args.table, **usual, time=columns.get("timestamp", "created_at"), count=columns.get("events"),
            service_ms=columns.get("service_ms"), where=pairs(args.where, "--where", "COLUMN=VALUE"), timeout=args.timeout)


def _cloudwatch(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import cloudwatch
    from .reading import pairs

    namespace, _, metric = args.file.removeprefix("cloudwatch:").rpartition("/")
    if not namespace or not metric:
        raise refuse(f"{args.file!r}, expected cloudwatch:NAMESPACE/METRIC such as cloudwatch:AWS/SQS/NumberOfMessagesSent")
    try:
        import boto3
    except ImportError:
        raise missing("boto3", "CloudWatch", "aws") from None
    return cloudwatch.read_metric(boto3.client("cloudwatch"), namespace, metric, pairs(args.dimension, "--dimension", "NAME=VALUE"), **usual)


SERVERS: dict[str, tuple[int, Callable[[argparse.Namespace, dict[str, Any]], evscale.History]]] = {
    "http://": (120, _prometheus), "https://": (120, _prometheus), "postgresql://": (120, _postgres), "postgres://": (120, _postgres),
    "cloudwatch:": (300, _cloudwatch), "influxdb:": (120, _influxdb), "datadog:": (300, _datadog), "rabbitmq:": (60, _rabbitmq),
    "kafka://": (120, _kafka), "redis://": (120, _redis), "rediss://": (120, _redis),
}
"""Seconds of an interval by default, and the reader, by how an address begins."""
