"""The examples of the adapters against the real frameworks and brokers: up and down under a load. `make test-adapters`."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import real_servers
from real_servers import answers, free_port, until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/python"


def needs(*modules):
    """Skips where a framework is not installed; with `CI=true` it must be."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            text = f"{name} is not installed: make test-adapters"
            pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    with real_servers.redis(tmp_path_factory.mktemp("redis")) as port:
        yield f"redis://localhost:{port}"


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory):
    """Ports of AMQP and of the management API."""
    with real_servers.rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as ports:
        yield ports


def shown(example, *arguments, seconds=300, **environment):
    """What an example prints."""
    run = subprocess.run(
        [sys.executable, EXAMPLES / example, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
        cwd=(EXAMPLES / example).parent, env=os.environ | {"PYTHONPATH": str(ROOT / "python")} | environment, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    return run.stdout


def sizes(output):
    """Sizes of the pool at the end of each part of the load."""
    found = [int(size) for size in re.findall(r"^\d+ a second: (\d+) ", output, re.MULTILINE)]
    assert len(found) == 3, output[-3000:]
    return found


def grew_and_shrank(output):
    low, high, after = sizes(output)
    assert low <= 3 and high >= 4 and after < high, (low, high, after, output[-3000:])


def test_threads(tmp_path):
    grew_and_shrank(shown("threads/threads_pool.py", str(tmp_path / "state")))
    assert (tmp_path / "state").exists()


def test_asyncio(tmp_path):
    grew_and_shrank(shown("asyncio/asyncio_pool.py", str(tmp_path / "state")))
    assert (tmp_path / "state").exists()


def test_dask(tmp_path):
    needs("distributed")
    output = shown("dask/dask_pool.py", str(tmp_path / "state"))
    grew_and_shrank(output)
    assert (tmp_path / "state").exists() and "left out" not in output


def test_a_celery_worker_on_redis(tmp_path, redis_url):
    needs("celery", "redis")
    output = shown("celery/celery_pool.py", BROKER=f"{redis_url}/1", STATE=str(tmp_path / "state"))
    grew_and_shrank(output)
    assert "stopped with status 0" in output and (tmp_path / "state").exists()


def test_celery_workers_on_rabbitmq(tmp_path, rabbitmq):
    needs("celery")
    output = shown("celery/celery_pool.py", "--workers", BROKER=f"amqp://guest:guest@localhost:{rabbitmq[0]}//", STATE=str(tmp_path / "state"))
    grew_and_shrank(output)
    assert "the workers have stopped" in output and (tmp_path / "state").exists()


def test_rq(tmp_path, redis_url):
    needs("rq")
    output = shown("rq/rq_pool.py", redis_url, str(tmp_path / "state"))
    grew_and_shrank(output)
    assert "the pool has stopped" in output and (tmp_path / "state").exists()


def test_ray_serve(tmp_path):
    needs("ray.serve")
    output = shown("ray_serve/serve_pool.py", str(tmp_path))
    low, high, after = sizes(output)
    assert low <= 3 and high >= 3 and low < high and after < high, (low, high, after)
    assert [path.name for path in tmp_path.iterdir()] == ["default-Work.state"]


@pytest.mark.parametrize(("recipe", "database"), [("arq", 2), ("dramatiq", 3), ("taskiq", 4)])
def test_a_recipe_on_redis(recipe, database, tmp_path, redis_url):
    needs(recipe)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    output = shown(f"recipes/{recipe}_pool.py", f"{redis_url}/{database}", str(tmp_path / "state"), PATH=path)
    low, high, after = sizes(output)
    assert low <= 3 and high >= 4 and after < high, (low, high, after)
    assert (tmp_path / "state").exists()


APP = """
import time

def app(environ, start):
    time.sleep(0.3)
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def test_gunicorn(tmp_path):
    needs("gunicorn")
    (tmp_path / "app.py").write_text(APP)
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", EXAMPLES / "recipes/gunicorn.conf.py", "-b", f"127.0.0.1:{port}", "app:app"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT / "python"), "STATE": str(tmp_path / "state")})
    try:
        until(lambda: answers(port))

        def ask():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                answer.read()

        found = []
        for rate, seconds in ((2, 30), (8, 45), (2, 60)):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                threading.Thread(target=ask, daemon=True).start()
                time.sleep(1 / rate)
            found.append(len(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()))
    finally:
        server.terminate()
        assert server.wait(30) == 0
    low, high, after = found
    assert low <= 3 and high >= 3 and low < high and after < high, found
    assert (tmp_path / "state").exists()


class Cluster(BaseHTTPRequestHandler):
    """The part of Kubernetes' API that the loop uses, in its words; a pod is ready two seconds after it was asked for."""

    wanted = 1
    ready = 1
    log_message = staticmethod(lambda *_: None)

    def answer(self):
        kind = "Scale" if self.path.endswith("/scale") else "Deployment"
        group = "autoscaling/v1" if kind == "Scale" else "apps/v1"
        body = json.dumps({
            "kind": kind, "apiVersion": group, "metadata": {"name": "checkout", "namespace": "shop"},
            "spec": {"replicas": Cluster.wanted, **({} if kind == "Scale" else {"selector": {}, "template": {}})},
            "status": {"replicas": Cluster.wanted, **({} if kind == "Scale" else {"readyReplicas": Cluster.ready})},
        }).encode()
        assert self.path.startswith("/apis/apps/v1/namespaces/shop/deployments/checkout"), self.path
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer()

    def do_PATCH(self):
        assert self.path.endswith("/scale")
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Cluster.wanted = told["spec"]["replicas"]
        threading.Timer(2, lambda: setattr(Cluster, "ready", Cluster.wanted)).start()
        self.answer()


def test_kubernetes_with_rabbitmq(tmp_path, rabbitmq):
    """The real client and the real broker; the API server is a small one of this test, and so are the pods."""
    needs("kubernetes", "kombu")
    from kombu import Connection, Queue

    amqp, management = rabbitmq
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    over = threading.Event()

    def pod(number):
        with Connection(f"amqp://guest:guest@localhost:{amqp}//") as connection, connection.channel() as channel:
            queue = Queue("orders")(channel)
            while not over.is_set():
                message = queue.get() if number < Cluster.ready else None
                time.sleep(0.3 if message else 0.05)
                if message:
                    message.ack()

    with Connection(f"amqp://guest:guest@localhost:{amqp}//") as connection:
        Queue("orders")(connection.default_channel).declare()
        producer = connection.Producer()
        command = [sys.executable, EXAMPLES / "kubernetes/kubernetes_pool.py", "shop", "checkout", "orders", "--rabbitmq",
                   f"http://guest:guest@localhost:{management}", "--api", f"http://127.0.0.1:{server.server_port}",
                   "--state", str(tmp_path / "state")]
        loop = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT / "python")})
        for number in range(20):
            threading.Thread(target=pod, args=(number,), daemon=True).start()
        found = []
        try:
            for rate, seconds in ((2, 30), (8, 45), (2, 45)):
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    producer.publish("order", routing_key="orders")
                    time.sleep(1 / rate)
                found.append(Cluster.wanted)
        finally:
            over.set()
            loop.send_signal(signal.SIGINT)
            assert loop.wait(30) == 0
            server.shutdown()
    low, high, after = found
    assert low <= 3 and high >= 4 and after < high, found
    assert (tmp_path / "state").exists()
