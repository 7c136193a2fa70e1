"""Airflow's REST API on this machine: a token, JSON in and out, errors with their status."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from jobs.lib.errors import DaybreakError

USER = "daybreak"
UNANSWERED_SECONDS = 60.0
UNSCHEDULED_SECONDS = 600.0
ANSWER_SECONDS = 30
FAILING_SECONDS = 120.0  # a server whose database is busy answers 500 or too late, and well the next time
AGAIN = "run the same command again: what was complete stays, and the night goes on from there"


class ApiError(DaybreakError):
    """What Airflow's API answered, with its status code; 504 where it was silent for too long."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"Airflow answered {status}: {text}")
        self.status = status


class Api:
    """Airflow's REST API v2 with a token of the home's one user."""

    def __init__(self, url: str, password: str) -> None:
        self.url = url
        self.password = password
        self.token = ""
        # Never through a proxy: the server is on this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self.call("GET", f"{path}?{urllib.parse.urlencode(query, doseq=True)}" if query else path)

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The JSON of the answer; raises ApiError on a refusal and OSError where nobody listens.

        What the server itself failed at is asked again for two minutes: each of our requests names what it makes, so
        that a second one cannot make it twice but is refused with 409.
        """
        until = time.monotonic() + FAILING_SECONDS
        while True:
            try:
                return self._known(method, path, body)
            except ApiError as error:
                if error.status < 500 or time.monotonic() > until:
                    raise
                time.sleep(2)

    def _known(self, method: str, path: str, body: Any) -> dict[str, Any]:
        """One call as the home's user, with a token of today."""
        if self.token:
            try:
                return self._send(method, f"/api/v2{path}", body)
            except ApiError as error:
                if error.status != 401:  # a token lives for a day
                    raise
        self.token = ""
        who = {"username": USER, "password": self.password}
        self.token = self._send("POST", "/auth/token", who)["access_token"]
        return self._send(method, f"/api/v2{path}", body)

    def _send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with self.opener.open(request, timeout=ANSWER_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")[:2000]) from error
        except TimeoutError as error:
            raise ApiError(504, f"nothing within {ANSWER_SECONDS} s to {method} {path}") from error
        return json.loads(text) if text else {}


class Pulse:
    """Airflow while a night is followed: a death of its server or scheduler is an error, not a wait without end."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.scheduled_at = time.monotonic()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """As ``Api.get``; raises DaybreakError when nobody has answered for a minute."""
        until = time.monotonic() + UNANSWERED_SECONDS
        while True:
            try:
                return self.api.get(path, **query)
            except OSError as error:
                if time.monotonic() > until:
                    raise DaybreakError(
                        f"Airflow has died, nobody answers at {self.api.url} ({error}): {AGAIN}"
                    ) from error
                time.sleep(2)

    def check(self) -> None:
        """Raises DaybreakError when the scheduler has not been well for ten minutes."""
        if self.get("/monitor/health")["scheduler"]["status"] == "healthy":
            self.scheduled_at = time.monotonic()
        elif time.monotonic() - self.scheduled_at > UNSCHEDULED_SECONDS:
            raise DaybreakError(f"Airflow's scheduler has died, nothing is started any more: {AGAIN}")
