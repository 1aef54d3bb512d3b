"""A load of many pools: latencies, losses, memory.

    python tests/server/load.py --pools 1000 --every 10 --seconds 600

Each pool sends a record every so many seconds, spread evenly, whatever became of the others: a latency counts from the moment
at which a record was due, so that what waits in the generator counts, too. At the end every acknowledged record must be there,
also after a SIGKILL and a start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from support import Server, records

CONNECTIONS = 64


Kept = list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]]


async def exchange(streams: Kept, port: int, path: str, body: bytes) -> int:
    """Sends one request on a kept connection, and returns the status. What nobody used for long the server may have closed."""
    while streams and time.perf_counter() - streams[-1][2] > 10:
        streams.pop()[1].close()
    if streams:
        reader, writer, _ = streams.pop()
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    await reader.readexactly(length)
    streams.append((reader, writer, time.perf_counter()))
    return int(head.split()[1])


@dataclass
class Seen:
    """What became of the records of a run."""

    pools: int
    times: list[float] = field(default_factory=list)
    """From the moment at which a record was due to its answer, seconds."""
    late: list[float] = field(default_factory=list)
    """From that moment until it was sent, seconds: the generator's own share, and the wait for a connection."""
    refused: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.acknowledged = [0] * self.pools


async def run(server: Server, pools: int, every: float, made: list[list[bytes]]) -> Seen:
    seen = Seen(pools)
    free: Kept = []
    gate = asyncio.Semaphore(CONNECTIONS)
    begin = time.perf_counter() + 0.5

    async def one(pool: int) -> None:
        offset = random.Random(pool).random() * every
        for turn, body in enumerate(made[pool]):
            due = begin + offset + turn * every
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            async with gate:
                seen.late.append(time.perf_counter() - due)
                status = await exchange(free, server.port, f"/pools/p{pool}/update_metrics", body)
            seen.times.append(time.perf_counter() - due)
            if status == 200:
                seen.acknowledged[pool] += 1
            else:
                seen.refused[status] = seen.refused.get(status, 0) + 1

    await asyncio.gather(*(one(pool) for pool in range(pools)))
    for _, writer, _ in free:
        writer.close()
    return seen


def resident(server: Server) -> float:
    assert server.process
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def processor_seconds(server: Server) -> float:
    assert server.process
    user, system = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def counters(server: Server) -> dict[str, float]:
    """Returns the server's own counts of what it did."""
    text = server.raw("GET", "/metrics")[2].decode()
    names = ("evscale_records_total", "evscale_storage_writes_total", "evscale_storage_write_seconds_total", "evscale_decide_seconds_total")
    return {name: float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0]) for name in names}


def share(times: list[float], part: float) -> float:
    """Returns a quantile in milliseconds."""
    return round(1000 * sorted(times)[min(len(times) - 1, int(part * len(times)))], 1)


def lost_records(server: Server, acknowledged: list[int]) -> int:
    there = [server.expect("GET", f"/pools/p{pool}")["seq"] - 1 for pool in range(len(acknowledged))]
    return sum(max(0, told - found) for told, found in zip(acknowledged, there, strict=True))


def measure(folder: Path, pools: int, every: float, seconds: float) -> dict[str, float]:
    server = Server(folder).start()
    empty = resident(server)
    for pool in range(pools):
        server.expect("PUT", f"/pools/p{pool}", {}, 201)
    turns = max(1, int(seconds / every))
    some = [[json.dumps(record).encode() for record in records(seed, turns)] for seed in range(20)]
    made = [some[pool % 20] for pool in range(pools)]
    load, before, used, own = os.getloadavg()[0], counters(server), processor_seconds(server), time.process_time()
    seen = asyncio.run(run(server, pools, every, made))
    used, own = processor_seconds(server) - used, time.process_time() - own
    did = {name: value - before[name] for name, value in counters(server).items()}
    memory = resident(server)
    server.kill()
    server.start(600)
    recovery = server.expect("GET", "/health/detailed")["storage"]
    lost = lost_records(server, seen.acknowledged)
    server.stop()
    sent, writes = len(seen.times), did["evscale_storage_writes_total"]
    return {
        "pools": pools, "records": sent, "acknowledged": sum(seen.acknowledged), "refused": sum(seen.refused.values()), "lost": lost,
        "p50_ms": share(seen.times, 0.5), "p90_ms": share(seen.times, 0.9), "p99_ms": share(seen.times, 0.99),
        "p99.9_ms": share(seen.times, 0.999), "max_ms": share(seen.times, 1.0), "late_p99_ms": share(seen.late, 0.99),
        "records_per_write": round(did["evscale_records_total"] / writes, 2),
        "write_ms": round(1000 * did["evscale_storage_write_seconds_total"] / writes, 2),
        "decide_ms": round(1000 * did["evscale_decide_seconds_total"] / sent, 2),
        "server_processor_ms": round(1000 * used / sent, 2), "generator_processor_ms": round(1000 * own / sent, 2),
        "memory_mb": round(memory, 1), "kib_per_pool": round(1024 * (memory - empty) / pools, 1),
        "recovery_ms": recovery["recovery_ms"], "recovered_entries": recovery["recovered_entries"],
        "load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=int, default=1000)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two records of a pool")
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.pools, options.every, options.seconds)
    print(json.dumps(figures, indent=1))
    return int(figures["lost"] > 0 or figures["refused"] > 0 or figures["p99_ms"] > 200)


if __name__ == "__main__":
    sys.exit(main())
