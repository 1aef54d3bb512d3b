"""Scripted HTTP load: `load.py PORT RATE:SECONDS...` sends so many requests per second for so long, part after part."""

import http.client
import sys
import threading
import time


def request(port, outcomes):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/")
        outcomes.append(connection.getresponse().status == 200)
        connection.close()
    except OSError:
        outcomes.append(False)


def main(port, *parts):
    outcomes, threads = [], []
    for part in parts:
        rate, seconds = map(float, part.split(":"))
        print(f"[load] {rate:g} requests per second for {seconds:g} s", flush=True)
        start = time.monotonic()
        for i in range(round(rate * seconds)):
            time.sleep(max(0.0, start + i / rate - time.monotonic()))
            threads.append(threading.Thread(target=request, args=(int(port), outcomes)))
            threads[-1].start()
    for thread in threads:
        thread.join()
    print(f"[load] {len(outcomes)} requests, {outcomes.count(False)} failed")
    return outcomes.count(False)


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
