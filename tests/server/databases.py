"""A PostgreSQL of the tests."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import subprocess
from pathlib import Path

from support import free_port


class Postgres:
    """A server with a folder of its own, which only this machine reaches."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []
        self.bin, self.folder, self.port = found[-1] if found else None, folder, free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        assert self.bin
        user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        ids = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
        subprocess.run([self.bin / program, *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **ids)

    def create(self) -> None:
        self.folder.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            for parent in self.folder.parents:
                if parent.owner() == "root" and str(parent).startswith("/tmp/"):
                    parent.chmod(0o755)
        self.run("initdb", "-D", str(self.folder), "-A", "trust", "-U", "postgres", "--no-sync")
        self.start()

    def start(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-l", str(self.folder / "log"),
                 "-o", f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-m", "immediate", "stop")

    def database(self) -> str:
        """Returns the URL of a new database."""
        name = f"d{random.randrange(10**9)}"
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"{self.url.rsplit('/', 1)[0]}/{name}"

    def query(self, statement: str) -> str:
        """Asks as the owner."""
        assert self.bin
        asked = [self.bin / "psql", "-At", "-c", statement, self.url]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
