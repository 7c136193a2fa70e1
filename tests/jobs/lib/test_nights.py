"""What a night says while it runs and when it fails, and what it asks of Airflow."""

import json
from pathlib import Path

import pytest

from jobs.lib import airflow, nights
from jobs.lib.settings import Settings

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
