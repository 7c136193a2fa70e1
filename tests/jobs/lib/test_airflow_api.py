"""A night is followed as long as Airflow lives, and not a minute longer."""

from __future__ import annotations

import socket
from datetime import date
from types import SimpleNamespace

import pytest

from jobs.lib import airflow_api, nights
from jobs.lib.airflow_api import Api, ApiError, Pulse
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import load


class Scripted(Api):
    """An API that gives these answers, one a call."""

    def __init__(self, *answers) -> None:
        super().__init__("http://127.0.0.1:1", "")
        self.answers = list(answers)

    def get(self, path, **query):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def health(status: str) -> dict:
    return {"scheduler": {"status": status}}


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    # The module's own name only: other threads of this process go on with the real clock.
    monkeypatch.setattr(airflow_api, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    return now


def test_a_server_that_is_away_for_a_moment_is_asked_again(clock) -> None:
    refused = ConnectionRefusedError("refused")
    assert Pulse(Scripted(refused, refused, {"state": "running"})).get("/x") == {"state": "running"}


def test_a_server_that_died_is_said(clock) -> None:
    with pytest.raises(DaybreakError, match=r"Airflow has died.*run the same command again"):
        Pulse(Scripted(*[ConnectionRefusedError("refused")] * 100)).get("/x")
    assert clock[0] == pytest.approx(airflow_api.UNANSWERED_SECONDS, abs=5)


def test_a_scheduler_may_be_slow_but_not_dead(clock) -> None:
    pulse = Pulse(Scripted(health("healthy"), health("unhealthy"), health("healthy"), health("unhealthy")))
    for at in (10, 600, 1100):
        clock[0] = at
        pulse.check()
    clock[0] = 1701
    with pytest.raises(DaybreakError, match="scheduler has died"):
        pulse.check()


class Failing(Api):
    """An API whose server gives these answers to requests, one each; a number is an error of that status."""

    def __init__(self, *answers) -> None:
        super().__init__("http://127.0.0.1:1", "")
        self.token = "known"
        self.answers = list(answers)

    def _send(self, method, path, body):
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            raise ApiError(answer, "")
        return answer


def test_what_a_busy_server_failed_at_is_asked_again(clock) -> None:
    assert Failing(500, 503, {"made": 1}).call("POST", "/x", {}) == {"made": 1}
    assert clock[0] > 0


def test_a_server_that_keeps_failing_is_an_error_and_a_refusal_is_one_at_once(clock) -> None:
    with pytest.raises(ApiError, match="500"):
        Failing(*[500] * 100).call("GET", "/x")
    assert clock[0] == pytest.approx(airflow_api.FAILING_SECONDS, abs=5)
    clock[0] = 0.0
    with pytest.raises(ApiError, match="409"):
        Failing(409).call("POST", "/x", {})
    assert clock[0] == 0


def test_a_silent_server_is_one_that_failed(monkeypatch) -> None:
    monkeypatch.setattr(airflow_api, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(airflow_api, "FAILING_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = Api(f"http://127.0.0.1:{silent.getsockname()[1]}", "")
        with pytest.raises(DaybreakError, match=r"504: nothing within 0\.2 s to POST /auth/token"):
            api.get("/x")


def test_a_run_made_by_a_request_whose_answer_was_lost_is_followed() -> None:
    made = {"dag_run_id": "it", "partition_key": "2026-03-05"}
    settings = load({})
    assert nights.trigger(settings, Failing(409, made), date(2026, 3, 5), "it") == made
