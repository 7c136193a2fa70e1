"""A Postgres of the tests' own: a cluster in a temporary folder on a free port, started and stopped by the session.

Fixtures: ``postgres`` (the cluster) and ``postgres_url`` (a new database a test). Where the machine has no Postgres
server the tests that need one are skipped with the word how to get it, except in CI, where they fail.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from jobs.lib.airflow import free_port

PASSWORD = "kept-from-every-log"
MISSING = (
    "no Postgres server on this machine: `apt-get install postgresql` (make test does it as root on Debian), "
    "or put initdb and pg_ctl on PATH"
)


@dataclass
class Cluster:
    """A running server; it refuses to run as root, so under root it runs as another user."""

    binaries: Path
    folder: Path
    port: int

    def url(self, database: str) -> str:
        """Where a database is, with its password."""
        return f"postgresql://daybreak:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of Postgres's programs as the cluster's user; raises with its output when it fails."""
        command = [str(self.binaries / program), *arguments]
        user = _user()
        done = subprocess.run(command, capture_output=True, text=True, user=user, cwd=self.folder, env=_environment())
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}")

    def database(self, like: str = "template1") -> str:
        """The name of a new database with the content of another."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return name

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self.run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)

    def stop(self) -> None:
        """Stops the server, with nothing written that need not be."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))

    def kill(self) -> None:
        """SIGKILL of the server's first process, as of one that took too much memory; the others follow it."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def restart(self) -> None:
        """Starts a server that was killed, once the last of its processes has let go of what they shared."""
        until = time.monotonic() + 60
        while True:
            try:
                return self.start()
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)


def binaries() -> Path | None:
    """The folder of the newest Postgres server here; None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    found = [*([Path(on_path).resolve()] if on_path else []), *debian]
    return found[-1].parent if found else None


@contextmanager
def running(place: Path) -> Iterator[Cluster]:
    """A new cluster of the server whose programs lie in ``place``; gone with the block."""
    folder = Path(tempfile.mkdtemp(prefix="daybreak-postgres-"))
    user = _user()
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    cluster = Cluster(place, folder, free_port({}))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    data = ["-D", str(folder / "data"), "-U", "daybreak", "-A", "scram-sha-256", f"--pwfile={secret}"]
    try:
        cluster.run("initdb", *data, "-E", "UTF8", "--locale=C", "--no-sync")
        cluster.start()
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A cluster of the test session's own."""
    place = binaries()
    if place is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with running(place) as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres: Cluster) -> str:
    """The URL of a new, empty database."""
    return postgres.url(postgres.database())


def _user() -> str | None:
    """Whom the server runs as: this user, or under root ``postgres`` or ``nobody``."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
