"""Kubernetes: a Deployment whose pods take messages from a RabbitMQ queue, as large as evscale decides.

    python kubernetes_pool.py NAMESPACE DEPLOYMENT QUEUE --rabbitmq http://guest:guest@localhost:15672 [--api URL] [--state FILE]

Where it runs it needs a service account with `get` of the Deployment, and `get` and `patch` of its scale (`role.yaml`).
"""

import argparse
import base64
import json
import logging
import urllib.parse
import urllib.request

from evscale.adapters.kubernetes import Scaler

SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "min_jobs": 1, "max_jobs": 20, "job_startup_seconds": 5,
            "sla_wait_seconds": 5.0, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}


def signals(rabbitmq, queue):
    """What the broker's management API counts: published and acknowledged messages, and those that wait."""
    address = urllib.parse.urlsplit(rabbitmq)
    login = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    request = urllib.request.Request(
        f"{address.scheme}://{address.hostname}:{address.port}/api/queues/%2F/{queue}", headers={"Authorization": f"Basic {login}"})

    def look(meter):
        with urllib.request.urlopen(request, timeout=5) as answer:
            told = json.load(answer)
        counts = told.get("message_stats", {})
        meter.totals(queue, arrived=counts.get("publish", 0), finished=counts.get("ack", 0))
        return {"queued": told["messages_ready"], "busy": told["messages_unacknowledged"]}

    return look


def api(url):
    from kubernetes import client

    return client.AppsV1Api(client.ApiClient(client.Configuration(host=url)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("namespace")
    parser.add_argument("deployment")
    parser.add_argument("queue")
    parser.add_argument("--rabbitmq", required=True)
    parser.add_argument("--api")
    parser.add_argument("--state")
    given = parser.parse_args()
    logging.basicConfig(format="%(message).170s", level=logging.INFO)
    with Scaler(given.deployment, signals(given.rabbitmq, given.queue), SETTINGS, namespace=given.namespace, every=1.0,
                api=api(given.api) if given.api else None, state=given.state) as scaler:
        scaler.join()


if __name__ == "__main__":
    main()
