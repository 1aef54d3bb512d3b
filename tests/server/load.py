"""A load of many pools: latencies, losses, memory.

    python tests/server/load.py --pools 1000 --every 10 --seconds 600

Each pool sends a record every so many seconds, spread evenly; nothing waits for an answer before the next one is due. At the
end every acknowledged record must be there, also after a SIGKILL and a start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
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


async def run(server: Server, pools: int, every: float, seconds: float, made: list[list[bytes]]) -> tuple[list[float], list[int], dict[int, int]]:
    times: list[float] = []
    acknowledged, refused = [0] * pools, {}
    free: Kept = []
    gate = asyncio.Semaphore(CONNECTIONS)
    begin = time.perf_counter() + 0.5

    async def one(pool: int) -> None:
        offset = random.Random(pool).random() * every
        for turn, body in enumerate(made[pool]):
            due = begin + offset + turn * every
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            async with gate:
                status = await exchange(free, server.port, f"/pools/p{pool}/update_metrics", body)
            # from when it was due: what waits for others counts
            times.append(time.perf_counter() - due)
            if status == 200:
                acknowledged[pool] += 1
            else:
                refused[status] = refused.get(status, 0) + 1

    await asyncio.gather(*(one(pool) for pool in range(pools)))
    for _, writer, _ in free:
        writer.close()
    return times, acknowledged, refused


def resident(server: Server) -> float:
    assert server.process
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def measure(folder: Path, pools: int, every: float, seconds: float) -> dict[str, float]:
    server = Server(folder).start()
    empty = resident(server)
    for pool in range(pools):
        server.expect("PUT", f"/pools/p{pool}", {}, 201)
    turns = max(1, int(seconds / every))
    some = [[json.dumps(record).encode() for record in records(seed, turns)] for seed in range(20)]
    made = [some[pool % 20] for pool in range(pools)]
    times, acknowledged, refused = asyncio.run(run(server, pools, every, seconds, made))
    times.sort()
    memory = resident(server)
    server.kill()
    server.start(600)
    recovery = server.expect("GET", "/health/detailed")["storage"]
    lost = 0
    for pool in range(pools):
        there = server.expect("GET", f"/pools/p{pool}")["seq"] - 1
        lost += max(0, acknowledged[pool] - there)
    server.stop()

    def at(share: float) -> float:
        return round(1000 * times[min(len(times) - 1, int(share * len(times)))], 1)

    return {"pools": pools, "records": len(times), "acknowledged": sum(acknowledged), "refused": sum(refused.values()), "lost": lost,
            "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "p99.9_ms": at(0.999), "max_ms": at(1.0),
            "memory_mb": round(memory, 1), "kib_per_pool": round(1024 * (memory - empty) / pools, 1),
            "recovery_ms": recovery["recovery_ms"], "recovered_entries": recovery["recovered_entries"]}


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
