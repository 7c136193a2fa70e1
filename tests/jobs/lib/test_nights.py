"""What a night says while it runs and when it fails, and what it asks of Airflow."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.lib import airflow, nights
from jobs.lib.airflow_api import ApiError
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings

FIRST = date(2011, 1, 1)
RUN = "shop__2011-10-31__x"
TASK = {
    "task_id": "validated",
    "state": "failed",
    "try_number": 1,
    "duration": 14.4,
    "start_date": "2011-11-01T00:00:00Z",
}


def log(home: Settings, task_id: str, *events: str) -> Path:
    folder = airflow.folder(home) / "logs" / "dag_id=nightly" / f"run_id={RUN}" / f"task_id={task_id}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "attempt=1.log").open("a") as file:
        file.writelines(json.dumps({"event": event}) + "\n" for event in events)
    return folder / "attempt=1.log"


def test_a_failed_night_names_the_table_and_the_rule(home: Settings) -> None:
    note = home.home / "runs" / "shop" / "2011-10-31" / "validated.failure.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"table": "validated.order_lines", "rule": "volume", "message": "12 rows of 1000"}))
    file = log(home, "validated", "anything")
    told = nights.failures(home, RUN, "2011-10-31", [TASK, {**TASK, "task_id": "features", "state": "upstream_failed"}])
    assert told[1:] == [
        "validated: table validated.order_lines, rule volume: 12 rows of 1000",
        f"validated: the whole log is {file}",
    ]


def test_a_stage_that_died_wordless_shows_the_end_of_its_log(home: Settings) -> None:
    log(home, "validated", *(f"line {number}" for number in range(100)))
    told = nights.failures(home, RUN, "2011-10-31", [TASK])
    assert "  line 99" in told and "  line 75" in told and "  line 74" not in told


def test_a_note_of_an_earlier_try_is_not_this_failures(home: Settings) -> None:
    note = home.home / "runs" / "shop" / "2011-10-31" / "validated.failure.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"table": "validated.order_lines", "rule": "volume", "message": "old"}))
    told = nights.failures(home, RUN, "2011-10-31", [{**TASK, "start_date": "2999-01-01T00:00:00Z"}])
    assert not [line for line in told if "old" in line]


def test_a_stages_own_lines_are_shown_once_and_whole(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    progress = nights.Progress(home, RUN, "2011-10-31")
    file = log(home, "features", "[features 2011-10-31] item: 3,000 rows", "INFO something of Spark's")
    with file.open("a") as out:
        out.write('{"event": "[features 2011-10-31] half a li')
    progress.say("features")
    progress.say("features")
    with file.open("a") as out:
        out.write('ne"}\n')
    progress.say("features")
    assert capsys.readouterr().out == "    item: 3,000 rows\n    half a line\n"


def test_a_run_is_told_the_callers_store_and_products(home: Settings) -> None:
    assert nights.conf(home) == {"store": home.store, "products": "recommendations"}


def test_a_store_of_the_repository_keeps_its_name_and_another_becomes_a_path(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    assert nights.checked(replace(home, store="online_retail", data=str(tmp_path))).store == "online_retail"
    shop = tmp_path / "shop"
    shop.mkdir()
    for file in (nights.stores.SHIPPED / "online_retail").iterdir():
        (shop / file.name).write_text(file.read_text())
    monkeypatch.chdir(tmp_path)
    assert nights.checked(replace(home, store="./shop", data=str(tmp_path))).store == str(shop)


def test_a_mistake_is_said_before_airflow_starts(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert nights.main(["run", "--store", "online_retial", "--day", "2011-10-31"]) == 1
    assert "online_retail" in capsys.readouterr().err


def test_a_range_backwards_is_refused(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAYBREAK_HOME", str(home.home))
    monkeypatch.setenv("DAYBREAK_DATA", str(home.home))
    arguments = ["backfill", "--store", "online_retail", "--from", "2011-10-31", "--to", "2011-10-01"]
    assert nights.main(arguments) == 1
    assert "no night lies between" in capsys.readouterr().err


class Airflow:
    """Runs as Airflow's API tells and changes them, at most 100 in one answer; each is through when it is looked at,
    but those of ``failing`` days fail and one of the day ``stopped`` is where the person presses Ctrl-C. A backfill is
    complete only when it is cancelled, and no second one is made before."""

    url = "http://127.0.0.1:1"

    def __init__(self, *runs: dict[str, Any], failing: tuple[str, ...] = (), stopped: str = "") -> None:
        self.runs = {run["dag_run_id"]: run for run in runs}
        self.failing = failing
        self.stopped = stopped
        self.backfills: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []

    def get(self, path: str, **asked: Any) -> dict[str, Any]:
        if path == "/backfills":
            return {"backfills": self.backfills[-1:]}
        if path.endswith("/taskInstances") or not path.startswith(nights.RUNS):
            return {"task_instances": []}
        if path != nights.RUNS:
            run = self.runs[path.rsplit("/", 1)[1]]
            if run["partition_key"] == self.stopped and run["state"] == "queued":
                run["state"] = "running"
                raise KeyboardInterrupt
            if run["partition_key"] != self.stopped:
                run["state"] = "failed" if run["partition_key"] in self.failing else "success"
            return run
        wanted = [
            run
            for run in self.runs.values()
            if run["state"] in asked.get("state", [run["state"]])
            and run["run_type"] == asked.get("run_type", run["run_type"])
            and asked.get("run_after_gte", "") <= run["run_after"] <= asked.get("run_after_lte", "9")
        ]
        start = asked.get("offset", 0)
        return {"dag_runs": wanted[start : start + min(asked["limit"], 100)], "total_entries": len(wanted)}

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        self.calls.append((method, path))
        if method == "POST" and path == nights.RUNS:
            night = made(date.fromisoformat(body["partition_key"]), "manual") | {"dag_run_id": body["dag_run_id"]}
            self.runs[body["dag_run_id"]] = night
            return night
        if method == "POST" and path == "/backfills":
            if any(backfill["completed_at"] is None for backfill in self.backfills):
                raise ApiError(409, "There is already a running backfill for dag nightly")
            day, last = (date.fromisoformat(body[name][:10]) for name in ("from_date", "to_date"))
            while day <= last:
                self.runs[f"backfill__{day}"] = made(day, "backfill")
                day += timedelta(days=1)
            days = {"from_date": body["from_date"], "to_date": body["to_date"]}
            self.backfills.append({"id": len(self.backfills) + 7, "created_at": "2026", "completed_at": None} | days)
            return self.backfills[-1]
        if method == "PUT" and path.endswith("/cancel"):
            backfill = self.backfills[int(path.split("/")[2]) - 7]
            if backfill["completed_at"] is not None:
                raise ApiError(409, "Backfill is already completed.")
            backfill["completed_at"] = "2026"
            for run in self.runs.values():
                if run["run_type"] == "backfill" and run["state"] == "queued":
                    run["state"] = "failed"
        if method == "PATCH" and path.startswith(f"{nights.RUNS}/"):
            self.runs[path.rsplit("/", 1)[1]] |= body
        return {}

    def states(self, run_type: str) -> set[str]:
        return {run["state"] for run in self.runs.values() if run["run_type"] == run_type}


def made(day: date, run_type: str, state: str = "queued") -> dict[str, Any]:
    """A run as the API shows it."""
    at = {"run_after": f"{day}T00:00:00Z", "queued_at": "2026", "start_date": "2026-01-01T00:00:00Z"}
    about = {"dag_run_id": f"{run_type}__{day}", "partition_key": str(day), "run_type": run_type, "state": state}
    return {**about, **at, "end_date": "2026-01-01T00:00:01Z"}


def two_nights() -> dict[str, str]:
    """What is asked for a backfill of the first two nights."""
    return {"from_date": f"{FIRST}T00:00:00Z", "to_date": f"{FIRST + timedelta(days=1)}T00:00:00Z"}


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Airflow]:
    """Puts an Airflow in the place of the home's server: one that the command starts, or that of `make up`."""

    def put(there: Airflow, up: bool = False) -> Airflow:
        @contextmanager
        def serving(*_: object) -> Iterator[airflow.Server]:
            yield airflow.Server(1, "", "", os.getppid() if up else os.getpid(), "tests")

        monkeypatch.setattr(airflow, "serving", serving)
        monkeypatch.setattr(nights, "Api", lambda *_: there)
        monkeypatch.setattr(nights, "POLL_SECONDS", 0.0)
        return there

    return put


def test_a_backfill_follows_every_night_however_many(
    home: Settings, at_work: Callable[..., Airflow], capsys: pytest.CaptureFixture[str]
) -> None:
    there = at_work(Airflow())
    last = FIRST + timedelta(days=249)
    nights.backfill(home, FIRST, last)
    assert there.states("backfill") == {"success"}
    said = capsys.readouterr().out
    assert "250 nights" in said and f"night of {last}: done" in said
    assert said.index(f"night of {FIRST}: done") < said.index(f"night of {last}: done")


def test_a_backfill_with_a_night_missing_is_an_error(home: Settings, at_work: Callable[..., Airflow]) -> None:
    there = at_work(Airflow())
    with pytest.raises(DaybreakError, match="1 runs for 3 nights"):
        nights.follow(home, there, [made(FIRST, "backfill")], 3)  # type: ignore[arg-type]


def test_a_backfill_ends_with_the_night_that_fails_and_says_where_to_go_on(
    home: Settings, at_work: Callable[..., Airflow]
) -> None:
    day = str(FIRST + timedelta(days=1))
    there = at_work(Airflow(failing=(day,)))
    with pytest.raises(DaybreakError, match=f"go on with FROM={day}"):
        nights.backfill(home, FIRST, FIRST + timedelta(days=149))
    assert ("PUT", "/backfills/7/cancel") in there.calls
    assert there.states("backfill") == {"success", "failed"}, "more than a page of them is not left to start by itself"


def test_what_the_schedule_starts_is_let_loose_maintenance_too(home: Settings, at_work: Callable[..., Airflow]) -> None:
    there = at_work(Airflow())
    with nights.session(home, "make run"):
        pass
    assert {path for method, path in there.calls if method == "PATCH"} == {"/dags/nightly", "/dags/maintenance"}


def interrupted_backfill(home: Settings) -> None:
    nights.backfill(home, FIRST, FIRST + timedelta(days=2))


@pytest.mark.parametrize("command", [lambda home: nights.run(home, FIRST), interrupted_backfill])
def test_what_is_interrupted_does_not_go_on_where_the_server_does_and_what_others_began_does(
    home: Settings, at_work: Callable[..., Airflow], command: Callable[[Settings], None]
) -> None:
    there = at_work(Airflow(stopped=str(FIRST)), up=True)
    theirs = made(FIRST + timedelta(days=9), "manual", "queued")

    def begun_meanwhile(method: str, path: str, body: Any = None) -> dict[str, Any]:
        if method == "POST":
            there.runs[theirs["dag_run_id"]] = theirs
        return Airflow.call(there, method, path, body)

    there.call = begun_meanwhile  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        command(home)
    assert theirs["state"] == "queued"
    assert {run["state"] for run in there.runs.values() if run is not theirs} == {"failed"}


def test_a_backfill_follows_a_backfill_at_once_and_one_that_was_killed(
    home: Settings, at_work: Callable[..., Airflow]
) -> None:
    there = at_work(Airflow())
    nights.backfill(home, FIRST, FIRST)
    assert there.backfills[-1]["completed_at"] is not None
    there.call("POST", "/backfills", two_nights())
    nights.backfill(home, FIRST, FIRST)
    assert [backfill["completed_at"] for backfill in there.backfills] == ["2026"] * 3


def test_a_backfill_of_somebody_else_under_make_up_comes_first_and_is_not_cancelled(
    home: Settings, at_work: Callable[..., Airflow], capsys: pytest.CaptureFixture[str]
) -> None:
    there = at_work(Airflow(), up=True)
    there.call("POST", "/backfills", two_nights())
    nights.backfill(home, FIRST + timedelta(days=5), FIRST + timedelta(days=5))
    assert there.states("backfill") == {"success"}
    assert f"the backfill night of {FIRST} is under way and comes first" in capsys.readouterr().out


@pytest.mark.parametrize("failing", [(), (str(FIRST),)])
def test_a_command_waits_for_the_scheduled_night_and_ends_what_commands_left(
    home: Settings,
    at_work: Callable[..., Airflow],
    capsys: pytest.CaptureFixture[str],
    failing: tuple[str, ...],
) -> None:
    scheduled = made(FIRST, "scheduled", "running")
    left = made(FIRST + timedelta(days=1), "manual", "running")
    there = at_work(Airflow(scheduled, left, failing=failing))
    with nights.session(home, "make run"):
        said = capsys.readouterr().out
        assert f"the scheduled night of {FIRST} is under way" in said and f"night of {FIRST}" in said
        assert there.states("scheduled") == {"failed" if failing else "success"}
        assert there.states("manual") == {"failed"}
        begun = made(FIRST + timedelta(days=2), "scheduled", "running")
        there.runs[begun["dag_run_id"]] = begun
    assert begun["state"] == "running", "and one that began since goes on"
    assert [path for method, path in there.calls if method == "PATCH" and "dagRuns" in path] == [
        f"{nights.RUNS}/{left['dag_run_id']}"
    ]


def test_under_make_up_a_night_that_somebody_else_began_comes_first_and_is_not_ended(
    home: Settings, at_work: Callable[..., Airflow], capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = made(FIRST, "manual", "running")
    there = at_work(Airflow(theirs), up=True)
    with nights.session(home, "make run"):
        assert f"the manual night of {FIRST} is under way and comes first" in capsys.readouterr().out
    assert theirs["state"] == "success" and not [path for _, path in there.calls if "dagRuns" in path]
