"""The app: 0.3 s of work per task, and evscale as the autoscaler of its workers."""

import os
import time

from celery import Celery
from evscale.adapters.celery import install

SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "job_startup_seconds": 2, "sla_wait_seconds": 2.0,
            "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}

app = Celery("tasks", broker=os.environ.get("BROKER", "redis://localhost:6379/0"))
app.conf.update(worker_prefetch_multiplier=1, task_ignore_result=True)
install(app, SETTINGS, state=os.environ.get("STATE"))


@app.task
def work():
    time.sleep(0.3)
