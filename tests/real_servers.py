"""Servers that tests start on loopback, on ports and in folders of their own; policy forbids services, so nothing is left running."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

PATIENCE_SECONDS = 60
KAFKA_JARS = Path(__file__).parent / "brokers/jars"


def absent(what, remedy="make setup-system"):
    """Skips where a tool is not installed; with `CI=true` it must be."""
    text = f"{what} is not installed: {remedy}"
    pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)


def program(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/rabbitmq/bin")
    return found or absent(name)


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    with closing(socket.socket()) as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def until(true, seconds=PATIENCE_SECONDS, server=None):
    """Waits for what a server does; an exception is not yet true."""
    end = time.monotonic() + seconds
    while True:
        with suppress(Exception):
            if true():
                return
        assert time.monotonic() < end and (server is None or server.poll() is None), "it did not come true"
        time.sleep(0.1)


def stop(server):
    server.terminate()
    server.wait(timeout=PATIENCE_SECONDS)


@contextmanager
def running(*command, port, seconds=PATIENCE_SECONDS, **more):
    """A process that listens on a port while the block runs."""
    server = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        until(lambda: answers(port), seconds, server)
        yield server
    finally:
        stop(server)


@contextmanager
def redis(folder):
    """Yields the port of a Redis."""
    port = free_port()
    with running(program("redis-server"), "--port", port, "--save", "", "--dir", folder, port=port):
        yield port


@contextmanager
def influxdb(folder):
    """Yields the port of an InfluxDB 1."""
    port = free_port()
    parts = "".join(f'[{part}]\ndir = "{folder}/{part}"\n' for part in ("meta", "data"))
    (folder / "influxdb.conf").write_text(f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n{parts}wal-dir = "{folder}/wal"\n'
                                          f'[http]\nbind-address = "127.0.0.1:{port}"\n')
    with running(program("influxd"), "-config", folder / "influxdb.conf", port=port):
        yield port


@contextmanager
def kafka(folder):
    """Yields the port of a Kafka broker, whose jars `make test-brokers` fetches."""
    if not any(KAFKA_JARS.glob("kafka_*.jar")):
        absent("Kafka", "make test-brokers")
    port, controller = free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
""")
    java = [program("java"), "-Xmx256m", "-cp", f"{KAFKA_JARS}/*"]
    subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(settings)], check=True, capture_output=True)
    with running(*java, "kafka.Kafka", settings, port=port, cwd=folder):
        yield port


@contextmanager
def rabbitmq(home):
    """Yields the ports of AMQP and of the management API of a RabbitMQ."""
    amqp, management, distribution = free_port(), free_port(), free_port()
    (home / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (home / "rabbitmq.conf").write_text(f"management.tcp.port = {management}\ncollect_statistics_interval = 1000\n")
    environment = os.environ | {
        "HOME": str(home), "RABBITMQ_NODENAME": f"evscale{amqp}@localhost", "RABBITMQ_NODE_PORT": str(amqp),
        "RABBITMQ_DIST_PORT": str(distribution), "RABBITMQ_MNESIA_BASE": str(home / "mnesia"), "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"), "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
    }
    shutil.chown(home, "rabbitmq", "rabbitmq")
    for file in home.iterdir():
        shutil.chown(file, "rabbitmq", "rabbitmq")
    home.parent.chmod(0o755)
    home.parent.parent.chmod(0o755)
    with (home / "out").open("w") as out:
        server = subprocess.Popen([program("rabbitmq-server")], env=environment, stdout=out, stderr=out)
    try:
        until(lambda: answers(amqp) and answers(management), 120)
        yield amqp, management
    finally:
        # the script has changed its user and its session: the broker tells its own process
        os.kill(int((home / "pid").read_text()), signal.SIGTERM)
        server.wait()
