"""A night is followed as long as Airflow lives, and not a minute longer."""

from __future__ import annotations

import pytest

from jobs.lib import airflow_api
from jobs.lib.airflow_api import Api, Pulse
from jobs.lib.errors import DaybreakError


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
    monkeypatch.setattr(airflow_api.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(airflow_api.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
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
