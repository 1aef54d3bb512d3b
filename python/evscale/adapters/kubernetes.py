"""Kubernetes: the number of replicas of a Deployment, StatefulSet or ReplicaSet, through its `scale` subresource.

    def signals(meter):
        meter.totals(arrived=broker.published, finished=broker.acknowledged)
        return {"queued": broker.depth}

    with Scaler("checkout", signals, {"max_jobs": 40}, namespace="shop", state="/var/lib/checkout.state") as scaler:
        scaler.join()

A job is a pod. The role of whoever runs it needs `get` of the resource, and `get` and `patch` of its `scale`. No HorizontalPodAutoscaler
may act on the same resource.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .. import Meter
from .driver import Driver, Look

if TYPE_CHECKING:
    from typing_extensions import Self


class Scaler:
    """Asks and scales one resource.

    Parameters
    ----------
    name, namespace, kind
        The resource; `kind` is "deployment", "stateful_set" or "replica_set".
    signals
        Called before every look with the meter, to count what Kubernetes does not know; returns `queued` and `busy` as far as they
        are known.
    settings, options
        Those of `Driver`.
    api
        A `kubernetes.client.AppsV1Api`; without, that of the pod's service account, or of the kubeconfig.
    every
        Seconds between two looks.
    """

    def __init__(
        self, name: str, signals: Callable[[Meter], Mapping[str, float | None]], settings: Any = None, *,
        namespace: str = "default", kind: str = "deployment", api: Any = None, every: float = 5.0, **options: Any,
    ) -> None:
        self.driver = Driver(settings, **{"name": f"{namespace}/{name}", **options})
        self.api = api or _api()
        self._of = (name, namespace)
        self._read, self._read_scale, self._patch_scale = (
            getattr(self.api, f"{verb}_namespaced_{kind}{part}")
            for verb, part in (("read", ""), ("read", "_scale"), ("patch", "_scale"))
        )
        self._signals, self._every = signals, every

    def look(self) -> Look:
        """The replicas that are asked for and ready, and the signals."""
        seen = self._signals(self.driver.meter)
        wanted = self._read_scale(*self._of).spec.replicas or 0
        return Look(wanted, self._read(*self._of).status.ready_replicas or 0, seen.get("queued"), seen.get("busy"))

    def scale(self, jobs: int) -> None:
        """Asks for so many replicas."""
        self._patch_scale(*self._of, {"spec": {"replicas": jobs}})

    def __enter__(self) -> Self:
        self.driver.start(self.look, self.scale, self._every)
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.stop()

    def join(self) -> None:
        """Waits until Ctrl-C."""
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(self._every)


def _api() -> Any:
    from kubernetes import client, config

    try:
        config.load_incluster_config()
    except config.ConfigException:
        config.load_kube_config()
    return client.AppsV1Api()
