"""A real S3 server for tests (moto's), and a line to it that can be disturbed.

Fixtures: ``s3_server`` (its endpoint), ``bucket`` (a fresh one a test) and ``line`` (an endpoint in front of the
server that spoils the next answers as told). Credentials are set on import: Spark's workers inherit the environment
of a JVM that starts once.
"""

from __future__ import annotations

import http.client
import http.server
import os
import socket
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest

SILENCE = 2.0

os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of an empty server that lives as long as the test session."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str) -> str:
    """The name of a new bucket."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").create_bucket(Bucket=name)
    return name


class Line:
    """An endpoint that hands requests on to a server; each entry of ``faults`` spoils one answer, the first first.

    A fault is ``"reset"`` (the connection is cut before the server hears of it), ``"lost"`` (cut after the server
    did the work), ``"half"`` (half of the answer's body, then cut), ``"silent"`` (no answer for ``SILENCE`` seconds) or
    ``"<status> <S3 error code>"``.
    ``only`` limits faults to one HTTP method.
    """

    def __init__(self, server: str) -> None:
        self.faults: list[str] = []
        self.only: str | None = None
        self.requests = 0
        line = self

        class Handler(_Handler):
            target = urlsplit(server).netloc

            def take_fault(self) -> str:
                line.requests += 1
                return line.faults.pop(0) if line.faults and line.only in (None, self.command) else ""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = ""

    def take_fault(self) -> str:
        return ""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def hand_on(self) -> None:
        body = self._body()
        fault = self.take_fault()
        if fault == "silent":
            time.sleep(SILENCE)
        if fault in ("reset", "silent"):
            return self._cut()
        if fault[:3].isdigit():
            return self._refuse(int(fault[:3]), fault[4:])
        connection = http.client.HTTPConnection(self.target, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if fault == "lost":
            return self._cut()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "half" else content)
        # Ended in order, not reset: what was sent arrives, so that a test knows where the reader stands.
        self.close_connection = self.close_connection or fault == "half"

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = hand_on

    def _body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            del self.headers["Expect"]
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        return True

    def _refuse(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>spoiled by the test</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("x-amz-bucket-region", "eu-central-1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _cut(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def line(s3_server: str) -> Iterator[Line]:
    """A line to the server that can be disturbed."""
    disturbed = Line(s3_server)
    yield disturbed
    disturbed.close()
