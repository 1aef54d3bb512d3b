"""Adapters to the frameworks that people run: each makes a framework's pool as large as evscale decides.

Every adapter is a few lines over one loop, `Driver`: it counts what the framework tells, hands a record per interval to an
`Autoscaler`, acknowledges what became of its jobs, writes decisions to the logger `evscale.adapters`, and keeps its state in a
file. What a framework is not installed for is imported when it is used.

| module | framework | extra |
|---|---|---|
| `evscale.adapters.executors` | threads and processes, as executors of `concurrent.futures` | none |
| `evscale.adapters.consumers` | asyncio | none |
| `evscale.adapters.dask` | Dask, `cluster.adapt` | `evscale[dask]` |
| `evscale.adapters.celery` | Celery, `worker_autoscaler`, and many workers of one broker | `evscale[celery]` |
| `evscale.adapters.rq` | RQ, `WorkerPool` | `evscale[rq]` |
| `evscale.adapters.ray_serve` | Ray Serve, autoscaling policies | `evscale[ray]` |
| `evscale.adapters.kubernetes` | whatever has the `scale` subresource | `evscale[kubernetes]` |
"""

from .driver import Driver, Look

__all__ = ["Driver", "Look"]
