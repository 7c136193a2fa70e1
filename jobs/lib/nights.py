"""Nights through Airflow without its UI: `python -m jobs.lib.nights run|backfill|repair|up|down|demo`, behind `make`.

A server of our own is started for the command and ended with it; where `make up` runs on this home, it is used.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jobs.lib import airflow, stores, switches
from jobs.lib import settings as environment
from jobs.lib.airflow import Server
from jobs.lib.airflow_api import Api, ApiError, Pulse
from jobs.lib.errors import DaybreakError
from jobs.lib.locks import Held, held
from jobs.lib.settings import Settings

DAG = "nightly"
RUNS = f"/dags/{DAG}/dagRuns"
POLL_SECONDS = 4.0
PAGE = 100  # Airflow gives no more at once, whatever is asked for (its maximum_page_limit)
SCHEDULED = "scheduled"  # Airflow's word for the runs that it begins by itself
UNFINISHED = ("queued", "running")
ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")


class NightFailed(DaybreakError):
    """A night came to its end and is not whole; the message says which tasks failed and why."""


def run(settings: Settings, day: date) -> None:
    """The whole night of ``day``; raises DaybreakError when it fails."""
    with session(settings, f"make run DAY={day}") as api:
        run_night(settings, api, day)
    print(f"report: {settings.report(stores.load(settings).name, day)}", flush=True)


def run_night(settings: Settings, api: Api, day: date) -> None:
    """The night of ``day``, begun and followed to its end; one that is cut short must not go on where Airflow does."""
    run_id = f"{Path(settings.store).name}__{day}__{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    try:
        watch(settings, api, trigger(settings, api, day, run_id))
    except BaseException:
        # What cut it short is told; where Airflow has died or never made the run, there is nothing to end.
        with suppress(OSError, ApiError):
            if api.get(f"{RUNS}/{run_id}")["state"] in UNFINISHED:
                end(api, run_id)
        raise


def trigger(settings: Settings, api: Api, day: date, run_id: str) -> dict[str, Any]:
    """Asks Airflow for a run of the day's partition. A night that ran already runs again: it gives the same content."""
    asked = {
        "dag_run_id": run_id,
        "logical_date": None,
        "partition_key": str(day),
        "conf": conf(settings),
    }
    try:
        return api.call("POST", RUNS, asked)
    except ApiError as error:
        if error.status != 409:
            raise
        return api.get(f"{RUNS}/{run_id}")  # made by a request whose answer was lost


def conf(settings: Settings) -> dict[str, str]:
    """What a run is told of the caller: the store and the products."""
    return {"store": settings.store, "products": ",".join(settings.products)}


def backfill(settings: Settings, first: date, last: date) -> None:
    """The nights from ``first`` to ``last``, both included, in order; a night that fails ends it there."""
    if first > last:
        raise DaybreakError(f"FROM={first} is after TO={last}: no night lies between")
    with session(settings, f"make backfill FROM={first} TO={last}") as api:
        begin, until = f"{first}T00:00:00Z", f"{last}T00:00:00Z"
        asked = {
            "dag_id": DAG,
            "from_date": begin,
            "to_date": until,
            "dag_run_conf": conf(settings),
            "reprocess_behavior": "completed",
            "max_active_runs": 1,
        }
        end_idle_backfill(api)
        made = api.call("POST", "/backfills", asked)
        try:
            follow(settings, api, runs_of(api, begin, until, made["created_at"]), (last - first).days + 1)
        finally:
            with suppress(OSError, ApiError):  # Airflow has died, or has called it complete by itself
                api.call("PUT", f"/backfills/{made['id']}/cancel")  # its nights in the queue, and itself
                end_unfinished(api, run_type="backfill", run_after_gte=begin, run_after_lte=until)


def end_idle_backfill(api: Api) -> None:
    """Ends the backfill that Airflow holds for active though none of its nights is left: it makes no second one beside
    it, and calls one complete only while it runs, and half a minute after its own start."""
    for newest in api.get("/backfills", dag_id=DAG, order_by="-id", limit=1)["backfills"]:
        days = {"run_after_gte": newest["from_date"], "run_after_lte": newest["to_date"]}
        if newest["completed_at"] is None and not listed(api, state=UNFINISHED, run_type="backfill", **days):
            with suppress(ApiError):  # complete since
                api.call("PUT", f"/backfills/{newest['id']}/cancel")


def follow(settings: Settings, api: Api, made: list[dict[str, Any]], days: int) -> None:
    """Watches the runs of a backfill of so many ``days`` one by one; raises DaybreakError at the first that fails, or
    where there is not one for each day."""
    if len(made) != days:
        raise DaybreakError(f"Airflow made {len(made)} runs for {days} nights: see its UI; none of them was followed")
    print(f"{days} nights from {made[0]['partition_key']} to {made[-1]['partition_key']}", flush=True)
    for night in made:
        try:
            watch(settings, api, night)
        except DaybreakError as error:
            if night is made[-1]:
                raise
            day = night["partition_key"]
            raise DaybreakError(f"{error}\nthe nights after {day} were not run: go on with FROM={day}") from error


def runs_of(api: Api, first: str, last: str, since: str) -> list[dict[str, Any]]:
    """The runs of a backfill just created, by day."""
    found = listed(api, run_type="backfill", run_after_gte=first, run_after_lte=last)
    made = [run for run in found if run["queued_at"] >= since or run["state"] in UNFINISHED]
    return sorted(made, key=lambda run: run["partition_key"])


def listed(api: Api, **asked: Any) -> list[dict[str, Any]]:
    """All runs that meet a query, the oldest first; Airflow tells at most a page of them in one answer."""
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(RUNS, **asked, order_by="id", limit=PAGE, offset=len(found))
        found += page["dag_runs"]
        if not page["dag_runs"] or len(found) >= page["total_entries"]:
            return found


@contextmanager
def session(settings: Settings, purpose: str) -> Iterator[Api]:
    """A healthy Airflow of this home with the nightly DAG at work; one command a home at a time."""
    try:
        with held(settings.home / "night.lock", purpose):
            print(f"Airflow for {settings.home} …", flush=True)
            started = time.monotonic()
            with airflow.serving(settings, purpose, os.environ) as server:
                api = Api(server.url, server.password)
                print(f"Airflow is up after {time.monotonic() - started:.0f} s: {server.url}", flush=True)
                if server.pid == os.getpid():
                    end_unfinished(api)
                prepare(api)
                await_others(settings, api)
                yield api
    except Held as holder:
        raise DaybreakError(f"{settings.home} is busy with {holder}: wait for it or end it there") from None


def prepare(api: Api) -> None:
    """The pool that keeps to one Spark at a time, and the DAGs let loose; whether they start by themselves is their own
    schedule's to say (DAYBREAK_SCHEDULE)."""
    try:
        api.get("/pools/spark")
    except ApiError:
        about = {"description": "One Spark at a time on one machine", "include_deferred": False}
        api.call("POST", "/pools", {"name": "spark", "slots": airflow.SPARK_SLOTS, **about})
    for dag in airflow.BY_SCHEDULE:
        api.call("PATCH", f"/dags/{dag}", {"is_paused": False})


def end_unfinished(api: Api, **asked: Any) -> None:
    """Marks as failed what is queued or running of the runs that meet a query; the schedule's nights are no command's.
    Without a query only where the server is our own: whoever began a night has ended with the server before."""
    for left in listed(api, state=UNFINISHED, **asked):
        if left["run_type"] != SCHEDULED:
            end(api, left["dag_run_id"])


def end(api: Api, run_id: str) -> None:
    """Marks a run as failed; Airflow ends its tasks."""
    api.call("PATCH", f"{RUNS}/{run_id}", {"state": "failed"})


def await_others(settings: Settings, api: Api) -> None:
    """Follows the nights that others have begun, the schedule or somebody under `make up`, to their end: one night at a
    time, and theirs came first."""
    while under_way := listed(api, state=UNFINISHED):
        other = under_way[0]
        about = f"the {other['run_type']} night of {other['partition_key']}"
        print(f"{about} is under way and comes first (to end it: {api.url})", flush=True)
        try:
            watch(settings, api, other)
        except NightFailed as error:
            print(error, flush=True)  # theirs to say; what was asked for here is another night


def watch(settings: Settings, api: Api, night: dict[str, Any]) -> None:
    """Follows a run to its end with a line for each task that starts or ends; raises NightFailed when it fails."""
    day, run_id = night["partition_key"], night["dag_run_id"]
    print(f"night of {day}", flush=True)
    seen: dict[str, str] = {}
    followed, pulse = Progress(settings, run_id, day), Pulse(api)
    while True:
        state = pulse.get(f"{RUNS}/{run_id}")["state"]
        tasks = pulse.get(f"{RUNS}/{run_id}/taskInstances", limit=100)["task_instances"]
        for task in sorted(tasks, key=lambda task: task["start_date"] or "9"):
            name, now = task["task_id"], f"{task['state']} {task['try_number']}"
            if now != seen.get(name) and task["state"] in (*ENDED, "running", "up_for_retry"):
                followed.say(name)
                print(line(task), flush=True)
                seen[name] = now
            elif task["state"] == "running":
                followed.say(name)
        if state in ("success", "failed"):
            break
        pulse.check()
        time.sleep(POLL_SECONDS)
    if state == "failed":
        raise NightFailed("\n".join(failures(settings, run_id, day, tasks)))
    print(f"night of {day}: done in {seconds(api.get(f'{RUNS}/{run_id}')):.0f} s", flush=True)


def line(task: dict[str, Any]) -> str:
    """A task's state for a person: `  features              success   34 s`."""
    took = f"{task['duration']:6.0f} s" if task["duration"] and task["state"] != "running" else ""
    again = f" (try {task['try_number']})" if task["try_number"] > 1 else ""
    return f"  {task['task_id']:24} {task['state']:16}{took}{again}"


def seconds(night: dict[str, Any]) -> float:
    return (moment(night["end_date"]) - moment(night["start_date"])).total_seconds()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Progress:
    """What stages say while they work, read from the tasks' logs as they grow."""

    def __init__(self, settings: Settings, run_id: str, day: str) -> None:
        self.folder = airflow.folder(settings) / "logs" / f"dag_id={DAG}" / f"run_id={run_id}"
        self.day = day
        self.read: dict[Path, int] = {}

    def say(self, task_id: str) -> None:
        """Prints the stage's own new lines, `[features 2026-11-20] …`, of one task."""
        for file in sorted((self.folder / f"task_id={task_id}").glob("*.log")):
            with file.open("rb") as log:
                log.seek(self.read.get(file, 0))
                new = log.read()
            whole = new[: new.rfind(b"\n") + 1]
            self.read[file] = self.read.get(file, 0) + len(whole)
            for text in events(whole.decode(errors="replace")):
                said = text.split(f"{self.day}] ", 1)
                if len(said) == 2 and said[0].startswith("["):
                    print(f"    {said[1]}", flush=True)


def events(log: str) -> list[str]:
    """The messages of a task's log, which is JSON lines."""
    found = []
    for text in log.splitlines():
        try:
            found.append(str(json.loads(text).get("event", "")))
        except (ValueError, AttributeError):
            found.append(text)
    return found


def failures(settings: Settings, run_id: str, day: str, tasks: list[dict[str, Any]]) -> list[str]:
    """For each failed task: the table and the rule where its stage named them, and the end of its log."""
    told = [f"the night of {day} failed; what was published before stays in place"]
    for task in tasks:
        if task["state"] != "failed":
            continue
        name = task["task_id"]
        folder = airflow.folder(settings) / "logs" / f"dag_id={DAG}" / f"run_id={run_id}" / f"task_id={name}"
        logs = sorted(folder.glob("*.log"))
        notes = (settings.home / "runs").glob(f"*/{day}/{name.split('_')[0]}.failure.json")
        begun = moment(task["start_date"]).timestamp() if task["start_date"] else 0.0
        fresh = [json.loads(note.read_text()) for note in notes if note.stat().st_mtime >= begun]
        for note in fresh:
            about = f"table {note['table']}, rule {note['rule']}: " if note.get("rule") else ""
            told.append(f"{name}: {about}{note['message']}")
        if not fresh and logs:
            told += [f"{name}: its log ends with", *(f"  {text}" for text in events(logs[-1].read_text())[-25:])]
        if logs:
            told.append(f"{name}: the whole log is {logs[-1]}")
    return told


def up(settings: Settings) -> None:
    """Airflow's UI and scheduler in the foreground until Ctrl-C or `make down`."""
    try:
        with held(settings.home / "airflow.lock", "make up"):
            server = airflow.start(settings, "make up", os.environ)
            try:
                airflow.wait_until_healthy(settings, server)
                api = Api(server.url, server.password)
                end_unfinished(api)
                prepare(api)
                print(f"Airflow: {server.url}  user daybreak  password {server.password}", flush=True)
                print(
                    "Ctrl-C ends it. Nights and maintenance start by themselves only with DAYBREAK_SCHEDULE=on.",
                    flush=True,
                )
                while airflow.members(server):
                    time.sleep(1)
                raise DaybreakError(f"Airflow ended by itself; its log is {airflow.folder(settings) / 'server.log'}")
            finally:
                airflow.end(settings, server)
    except Held as holder:
        raise DaybreakError(f"{settings.home} is held by {holder}; end that first, or use it") from None


def down(settings: Settings) -> None:
    """Ends the server of this home, and with it the command that started it."""
    server: Server | None = airflow.running(settings)
    if server is None:
        print("nothing is up")
        return
    os.kill(server.pid, signal.SIGTERM)
    until = time.monotonic() + 2 * airflow.END_SECONDS
    while airflow.running(settings) and time.monotonic() < until:
        time.sleep(0.2)
    print(f"{server.purpose} (process {server.pid}) has ended")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when the nights succeeded, 1 with a message for a person, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m jobs.lib.nights", description=__doc__)
    parser.add_argument("command", choices=["run", "backfill", "repair", "up", "down", "demo"])
    parser.add_argument("--store")
    parser.add_argument("--day", type=date.fromisoformat)
    parser.add_argument("--from", dest="first", type=date.fromisoformat)
    parser.add_argument("--to", dest="last", type=date.fromisoformat)
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job starts with Ctrl-C ignored
        signal.signal(number, signal.default_int_handler)
    try:
        settings = environment.load({**os.environ, **({"DAYBREAK_STORE": options.store} if options.store else {})})
        if options.command == "up":
            with suppress(KeyboardInterrupt):  # the ordinary end of it
                up(settings)
        elif options.command == "down":
            down(settings)
        elif options.command == "demo":
            from jobs.lib import demo

            demo.run(settings)
        else:
            settings = checked(settings)
            if options.command == "run":
                run(settings, options.day)
            elif options.command == "repair":
                from jobs.lib import repairs

                repairs.run(settings)
            else:
                backfill(settings, options.first, options.last)
    except DaybreakError as error:
        print(f"daybreak: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("daybreak: interrupted; all of it has ended. The same command starts the night again.", file=sys.stderr)
        return 130
    return 0


def checked(settings: Settings) -> Settings:
    """The settings with the store found and its folder made absolute; a mistake in it is said before Airflow starts,
    and so is what is switched off for want of a table."""
    store = stores.load(settings)
    print("\n".join([f"store {store.name}", *(f"  {line}" for line in switches.lacking(store))]), flush=True)
    folder = store.folder
    return replace(settings, store=folder.name if folder.parent == stores.SHIPPED else str(folder))


if __name__ == "__main__":
    sys.exit(main())
