"""Histories of servers from the command line: an address in the place of a file."""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import evscale

from .._refuse import missing, refuse
from ..readers.moments import moment
from .terminal import text_of

PREFIXES = ("http://", "https://", "postgresql://", "postgres://", "cloudwatch:")
DAYS = 14.0


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds the options of servers."""
    group = part.add_argument_group(
        "servers in the place of FILE", "http://prometheus:9090 with --query; postgresql://host/database with --table; "
        "cloudwatch:NAMESPACE/METRIC with --dimension")
    group.add_argument("--query", metavar="EXPRESSION", help="of Prometheus, such as 'sum(increase(events_total[2m]))'")
    group.add_argument("--table", metavar="NAME", help="of PostgreSQL: a row per event")
    group.add_argument("--days", type=float, default=DAYS, help="length of the range (default: %(default)g)")
    group.add_argument("--end", metavar="TIME", help="end of the range, such as 2026-01-05T00:00:00Z; now without")
    group.add_argument("--user", metavar="NAME", help="of Prometheus; the password is in the variable EVSCALE_PASSWORD")
    group.add_argument("--token-file", type=Path, metavar="FILE", help="file with the bearer token")
    group.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help="further header")
    group.add_argument("--tenant", metavar="ID", help="of Mimir or Loki: X-Scope-OrgID")
    group.add_argument("--ca", type=Path, metavar="FILE", help="certificates of the server's authority")
    group.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="for each request (default: %(default)g)")
    group.add_argument("--dimension", action="append", default=[], metavar="NAME=VALUE", help="of CloudWatch")


def is_server(name: str) -> bool:
    """Tells whether the argument is an address of a server."""
    return name.startswith(PREFIXES)


def server_history(args: argparse.Namespace) -> evscale.History:
    """Returns the history that a server has."""
    interval = args.interval or (300 if args.file.startswith("cloudwatch:") else 120)
    end = _end(args.end, interval)
    start = end - timedelta(seconds=interval * max(3, round(args.days * 86_400 / interval)))
    usual: dict[str, Any] = {"start": start, "end": end, "interval_seconds": interval}
    if args.file.startswith("cloudwatch:"):
        return _cloudwatch(args, usual)
    if args.file.startswith("postgres"):
        return _postgres(args, usual)
    return _prometheus(args, usual)


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


def _prometheus(args: argparse.Namespace, usual: dict[str, Any]) -> evscale.History:
    from ..sources import prometheus
    from .reading import pairs

    if args.query is None:
        raise refuse("an address of Prometheus needs --query, such as --query 'sum(increase(events_total[2m]))'")
    password = os.environ.get("EVSCALE_PASSWORD", "")
    return prometheus.read_range(
        args.file, args.query, **usual, kind=args.kind, timeout=args.timeout, user=None if args.user is None else (args.user, password),
        token=None if args.token_file is None else text_of(args.token_file).strip(), tenant=args.tenant, ca=args.ca,
        headers=pairs(args.header, "--header", "NAME=VALUE"))


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
