"""Readers, warehouse and champion go back to a release together and forward again, also where one was killed midway."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from jobs.demand import choosing
from jobs.demand.choosing import BASELINES
from jobs.lib import contracts, registry, stores
from jobs.lib.errors import DaybreakError
from jobs.lib.locks import held
from jobs.lib.settings import GATE, Settings
from jobs.lib.stages import Night
from jobs.maintenance import stage as maintenance
from jobs.pricing import gate as pricing_gate
from jobs.pricing.gate import Verdict
from jobs.published import history, releases, rollback
from jobs.recommendations import gates
from jobs.recommendations.model import MODEL, Gate
from jobs.warehouse import connections, load
from tests.releases import PRODUCT, expectations, place_row, publish
from tests.shop import Shop

MONDAY = date(2026, 3, 2)
DAYS = tuple(MONDAY + timedelta(days=later) for later in range(3))
MIRROR = registry._mirror
PASSED = {"all": registry.gate_said("model", True, "beats it")}
# What the gates of each product leave in the registry: of one whose model is no better, and of one whose model is.
LOST, WON = "does not beat it", "beats it"
GATES = {
    "recommendations": [
        {**gates.verdict({"cold": Gate("cold", shown, why)}), "warnings": {"all": "BM25 is ahead"}}
        for shown, why in (("popularity", LOST), (MODEL, WON))
    ],
    "demand": [
        choosing.verdict({"dense": choosing.Gate("dense", BASELINES["dense"], LOST), "new": gate})
        for gate in (choosing.Gate("new", BASELINES["new"], LOST), choosing.Gate("new", "launches", WON))
    ],
    "pricing": [pricing_gate.for_registry(Verdict(better, WON if better else LOST)) for better in (False, True)],
}


@pytest.fixture(autouse=True)
def _quick_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's mirror has its own tests (test_registry.py); its import takes longer than all of these but one."""
    monkeypatch.setattr(registry, "_mirror", lambda *_: None)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield expectations(tmp_path)
    contracts._load.cache_clear()


@pytest.fixture
def published(tmp_path: Path, home: Settings, root: Path) -> Settings:
    """A shop with three nights, each with a champion of its own, published and in the warehouse."""
    settings = Shop.create(tmp_path, home).settings
    for n, day in enumerate(DAYS):
        night(settings, tmp_path, root, day, train(settings, tmp_path, day, f"model of {day}"), f"i{n}")
    return settings


def train(settings: Settings, tmp_path: Path, day: date, content: str, verdict: object = None) -> registry.Champion:
    folder = tmp_path / content
    folder.mkdir()
    (folder / "ranker.json").write_text(content)
    return registry.crown(settings, "shop", PRODUCT, day, folder, {}, verdict or PASSED)


def night(
    settings: Settings, tmp_path: Path, root: Path, day: date, champion: registry.Champion, item: str = "i9"
) -> str:
    """What a night with this champion publishes and loads."""
    facts: dict[str, object] = {"model_versions": [champion.version], "champion_from": str(champion.champion_from)}
    facts |= {"verdict": champion.verdict}
    release = publish(settings, root, day, {"for_customer": [place_row("c1", 1, item)]}, **facts)
    load.run(settings, day)
    return release


def of(settings: Settings, day: date) -> str:
    return next(one.release for one in releases.list_releases(settings, "shop", [PRODUCT]) if one.as_of == str(day))


def state(settings: Settings) -> tuple[str, str, str]:
    """Where the three are: the pointer's day, the warehouse's day, and the champion's file for the next night."""
    pointer = releases.current(releases.open_product(settings, "shop", PRODUCT))
    with duckdb.connect(settings.warehouse.replace("{store}", "shop"), read_only=True) as warehouse:
        (day,) = warehouse.execute(f"SELECT DISTINCT as_of FROM {PRODUCT}.for_customer_current").fetchall()[0]
    champion = registry.champion(settings, "shop", PRODUCT, DAYS[-1] + timedelta(days=1))
    assert pointer is not None and champion is not None
    return pointer["as_of"], str(day), (champion.path / "ranker.json").read_text().removeprefix("model of ")


def place(settings: Settings) -> releases.ObjectStore:
    return releases.open_product(settings, "shop", PRODUCT)


@pytest.mark.parametrize("to", ["the release", str(DAYS[1]), "previous"])
def test_the_three_go_back_by_release_day_or_previous_and_forward_again(published: Settings, to: str) -> None:
    to = of(published, DAYS[1]) if to == "the release" else to
    rollback.run(published, PRODUCT, to, "ada", "prices were wrong")
    assert state(published) == (str(DAYS[1]),) * 3
    decision = history.rollbacks(place(published))[-1]
    assert (decision.by, decision.why, decision.to) == ("ada", "prices were wrong", of(published, DAYS[1]))
    assert decision.done_at is not None and decision.at[:2] == "20"
    rollback.run(published, PRODUCT, of(published, DAYS[2]), "ada")
    assert state(published) == (str(DAYS[2]),) * 3


def test_the_alias_in_mlflow_goes_back_and_forward_with_the_others(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alias() -> tuple[str, str]:
        name = registry.mlflow_name("shop", PRODUCT)
        version = registry.mlflow_client(published).get_model_version_by_alias(name, "champion")
        return version.tags["daybreak.version"], version.tags["daybreak.reason"].partition(":")[0]

    good, bad = (registry.champion(published, "shop", PRODUCT, day) for day in DAYS[1:])
    assert good is not None and bad is not None
    monkeypatch.setattr(registry, "_mirror", MIRROR)
    registry.crown(published, "shop", PRODUCT, DAYS[2], bad.path, bad.metrics, bad.verdict)
    assert alias() == (bad.version, registry.TRAINED)
    rollback.run(published, PRODUCT, "previous", "ada", "bad model")
    assert alias() == (good.version, registry.ROLLED_BACK)
    rollback.run(published, PRODUCT, "latest", "ada")
    assert alias() == (bad.version, registry.LIFTED)
    registry.crown(published, "shop", PRODUCT, DAYS[2] + timedelta(days=5), bad.path, {}, bad.verdict)
    rollback.run(published, PRODUCT, "previous", "ada", "bad model")  # also of that night, which was never published
    assert alias() == (good.version, registry.ROLLED_BACK)


def test_what_was_crowned_for_nights_that_were_never_published_goes_back_too(
    published: Settings, tmp_path: Path
) -> None:
    later = DAYS[2] + timedelta(days=3)
    train(published, tmp_path, later, "model of a night that failed")
    rollback.run(published, PRODUCT, "previous", "ada", "bad model")
    assert in_force(published, later) == f"model of {DAYS[1]}"
    assert not registry.is_due(published, "shop", PRODUCT, later + timedelta(days=30))


def test_a_rollback_that_comes_while_a_model_is_crowned_holds(
    published: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = iter(["the first call"])

    def meanwhile(*_: object) -> None:
        if next(nights, None):
            rollback.run(published, PRODUCT, "previous", "ada", "bad model")

    monkeypatch.setattr(registry, "_mirror", meanwhile)
    kept = train(published, tmp_path, DAYS[2] + timedelta(days=1), "challenger")
    assert (kept.path / "ranker.json").read_text() == f"model of {DAYS[1]}"
    assert state(published) == (str(DAYS[1]),) * 3


def in_force(settings: Settings, day: date) -> str:
    """The content of the model that a night uses."""
    champion = registry.champion(settings, "shop", PRODUCT, day)
    assert champion is not None
    return (champion.path / "ranker.json").read_text()


def test_the_nights_before_keep_their_champion_and_the_hold_lasts_until_it_is_lifted(
    published: Settings, tmp_path: Path, root: Path
) -> None:
    rollback.run(published, PRODUCT, str(MONDAY), "ada", "bad model")
    was = registry.champion(published, "shop", PRODUCT, DAYS[2])
    assert was is not None and (was.path / "ranker.json").read_text() == f"model of {DAYS[2]}"
    later = DAYS[2] + timedelta(days=30)
    assert not registry.is_due(published, "shop", PRODUCT, later)
    kept = train(published, tmp_path, later, "challenger")  # trained by hand: it is not put in force
    assert (kept.path / "ranker.json").read_text() == f"model of {MONDAY}"
    assert not registry.is_due(published, "shop", PRODUCT, later)

    night(published, tmp_path, root, later, kept)
    rollback.run(published, PRODUCT, "lift", "ada", "mended")
    pointer = releases.current(place(published))
    assert pointer is not None and pointer["as_of"] == str(later)
    assert registry.is_due(published, "shop", PRODUCT, later + timedelta(days=1))
    new = train(published, tmp_path, later + timedelta(days=1), "another")
    assert (new.path / "ranker.json").read_text() == "another"


@pytest.mark.parametrize("product", GATES)
def test_by_setting_a_model_that_passes_its_gate_lifts_the_hold(
    published: Settings, tmp_path: Path, product: str
) -> None:
    failed, passed = GATES[product]
    settings = replace(published, rollback_hold=GATE)
    rollback.run(settings, PRODUCT, "previous", "ada")
    week = DAYS[2] + timedelta(days=1 + settings.training_cadence_days)
    assert registry.is_due(settings, "shop", PRODUCT, week)
    lost = train(settings, tmp_path, week, "no better", failed)
    assert (lost.path / "ranker.json").read_text() == f"model of {DAYS[1]}"
    assert not registry.is_due(settings, "shop", PRODUCT, week)  # the cadence begins anew
    next_week = week + timedelta(days=settings.training_cadence_days)
    assert registry.is_due(settings, "shop", PRODUCT, next_week)
    won = train(settings, tmp_path, next_week, "better", passed)
    assert (won.path / "ranker.json").read_text() == "better"


def test_a_withdrawn_night_run_again_stays_withdrawn_and_the_next_is_published(
    published: Settings, tmp_path: Path, root: Path
) -> None:
    rollback.run(published, PRODUCT, "previous", "ada", "prices were wrong")
    assert "stays withdrawn by ada: prices" in releases.advance(place(published), of(published, DAYS[2]), str(DAYS[2]))
    assert state(published)[0] == str(DAYS[1])
    listed = releases.shown(releases.list_releases(published, "shop"))
    assert f"-> {of(published, DAYS[1])}" in listed and f"x  {of(published, DAYS[2])}" in listed
    assert "all: model" in listed
    assert "by ada: prices were wrong" in "\n".join(releases.decided(published, "shop"))

    champion = registry.champion(published, "shop", PRODUCT, DAYS[2] + timedelta(days=1))
    assert champion is not None
    release = night(published, tmp_path, root, DAYS[2] + timedelta(days=1), champion)
    assert (releases.current(place(published)) or {})["release"] == release
    rollback.run(published, PRODUCT, "previous", "ada")  # over the withdrawn one
    assert state(published)[0] == str(DAYS[1])


def test_a_withdrawn_night_made_anew_with_its_withdrawn_champion_is_not_shown(
    published: Settings, tmp_path: Path, root: Path
) -> None:
    rollback.run(published, PRODUCT, "previous", "ada", "bad model")
    kept = registry.champion(published, "shop", PRODUCT, DAYS[2])
    assert kept is not None and (kept.path / "ranker.json").read_text() == f"model of {DAYS[2]}"
    release = night(published, tmp_path, root, DAYS[2], kept, "came late")  # `make repair`: other rows, another release
    assert state(published) == (str(DAYS[1]),) * 3
    again = next(one for one in releases.list_releases(published, "shop", [PRODUCT]) if one.release == release)
    assert again.is_withdrawn
    assert "stays withdrawn by ada: bad model" in releases.advance(place(published), release, str(DAYS[2]))

    rollback.run(published, PRODUCT, "lift", "ada", "mended")  # later nights train again, this one stays what it is
    night(published, tmp_path, root, DAYS[2], kept, "came later still")
    assert state(published) == (str(DAYS[1]),) * 3
    mended = train(published, tmp_path, DAYS[2], "mended model")
    night(published, tmp_path, root, DAYS[2], mended, "came late")
    assert state(published)[0] == str(DAYS[2])


def test_a_withdrawn_night_repaired_is_shown_where_its_champion_was_not_what_was_wrong(
    published: Settings, tmp_path: Path, root: Path
) -> None:
    champion = registry.champion(published, "shop", PRODUCT, DAYS[2])
    assert champion is not None
    later = DAYS[2] + timedelta(days=1)
    night(published, tmp_path, root, later, champion, "wrong prices")
    rollback.run(published, PRODUCT, "previous", "ada", "the prices were wrong")
    release = night(published, tmp_path, root, later, champion, "right prices")
    assert (releases.current(place(published)) or {})["release"] == release


def test_a_night_on_its_way_out_with_the_withdrawn_champion_is_not_shown(
    published: Settings, tmp_path: Path, root: Path
) -> None:
    later = DAYS[2] + timedelta(days=1)
    scored = registry.champion(published, "shop", PRODUCT, later)
    assert scored is not None
    rollback.run(published, PRODUCT, "previous", "ada", "bad model")
    night(published, tmp_path, root, later, scored)  # publication had looked at the champion before the rollback
    assert state(published)[0] == str(DAYS[1])


def test_what_was_withdrawn_stays_so_when_a_later_night_is_left(
    published: Settings, tmp_path: Path, root: Path
) -> None:
    rollback.run(published, PRODUCT, "previous", "ada", "bad model")
    for later in (1, 2):
        day = DAYS[2] + timedelta(days=later)
        champion = registry.champion(published, "shop", PRODUCT, day)
        assert champion is not None
        night(published, tmp_path, root, day, champion, f"later {later}")
    rollback.run(published, PRODUCT, "previous", "ada", "wrong prices")
    assert state(published)[0] == str(DAYS[2] + timedelta(days=1))
    rollback.run(published, PRODUCT, "previous", "ada", "wrong prices")
    assert state(published)[0] == str(DAYS[1])  # over the night of the bad model


def test_maintenance_keeps_what_previous_goes_to(published: Settings, tmp_path: Path, root: Path) -> None:
    rollback.run(published, PRODUCT, "previous", "ada", "bad model")
    later = DAYS[2] + timedelta(days=1)
    champion = registry.champion(published, "shop", PRODUCT, later)
    assert champion is not None
    night(published, tmp_path, root, later, champion)  # between it and where `previous` goes lies the withdrawn one
    maintained(published, later + timedelta(days=9))
    left = [one.as_of for one in releases.list_releases(published, "shop", [PRODUCT])]
    assert left == [str(DAYS[1]), str(later)]
    rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published)[0] == str(DAYS[1])


def maintained(settings: Settings, on: date) -> None:
    """Lets maintenance of a day drop the product's releases of nights before the day before."""
    kept = replace(settings, release_retention_days=1)
    night_of = Night(None, kept, stores.load(kept), None, on, "maintenance")  # type: ignore[arg-type]
    maintenance.drop_releases(night_of, PRODUCT)


def test_maintenance_keeps_where_an_unfinished_rollback_goes(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_when_decided(published, str(MONDAY), monkeypatch)
    maintained(published, DAYS[2] + timedelta(days=9))
    rollback.run(published, PRODUCT, str(MONDAY), "ada")
    assert state(published) == (str(MONDAY),) * 3


def test_a_rollback_decided_while_maintenance_removes_old_releases_keeps_its_own(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = maintenance.drop_release

    def decided(product: releases.ObjectStore, release: str) -> bool:
        if release == of(published, MONDAY):
            with pytest.raises(DaybreakError, match="killed"):
                rollback.run(published, PRODUCT, str(MONDAY), "ada")
        return drop(product, release)

    with monkeypatch.context() as patch:
        patch.setattr(rollback, "_point", killed)
        patch.setattr(maintenance, "drop_release", decided)
        maintained(published, DAYS[2] + timedelta(days=9))
    rollback.run(published, PRODUCT, str(MONDAY), "ada")
    assert state(published) == (str(MONDAY),) * 3


def test_a_rollback_that_was_begun_refuses_a_release_that_has_gone_since(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_when_decided(published, "previous", monkeypatch)
    next(Path(published.publish).glob(f"shop/*/*/as_of={DAYS[1]}/*/*.parquet")).unlink()
    with pytest.raises(DaybreakError, match="no longer whole"):
        rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published) == (str(DAYS[2]),) * 3


def killed(*_: object) -> str:
    raise DaybreakError("killed")


def killed_when_decided(published: Settings, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(DaybreakError, match="killed"):
        patch.setattr(rollback, "_point", killed)
        rollback.run(published, PRODUCT, to, "ada")


def test_latest_is_the_way_forward(published: Settings) -> None:
    rollback.run(published, PRODUCT, "previous", "ada")
    rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published) == (str(MONDAY),) * 3
    rollback.run(published, PRODUCT, "latest", "ada")
    assert state(published) == (str(DAYS[2]),) * 3
    assert not [one for one in releases.list_releases(published, "shop", [PRODUCT]) if one.is_withdrawn]
    assert not registry.is_due(published, "shop", PRODUCT, DAYS[2] + timedelta(days=1))


STEPS = [
    (module, step, moment)
    for module, step in (("rollback", "_point"), ("load", "bring"), ("rollback", "_reinstate"))
    for moment in ("before", "after")
]


def test_a_rollback_killed_anywhere_is_finished_by_running_it_again(published: Settings) -> None:
    for module, step, moment in [("history", "note", "before"), *STEPS, ("history", "note", "before")]:
        child = multiprocessing.get_context("fork").Process(target=_die, args=(published, module, step, moment))
        child.start()
        child.join()
        assert child.exitcode == 9, (step, moment)
        assert state(published)[0] in (str(DAYS[1]), str(DAYS[2]))  # never one further back
    rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published) == (str(DAYS[1]),) * 3
    assert [one.done_at is not None for one in history.rollbacks(place(published))] == [True]


def _die(settings: Settings, module: str, step: str, moment: str) -> None:
    """Rolls back in a process of its own that ends as by SIGKILL just before or just after a step."""
    where = {"rollback": rollback, "load": load, "history": history}[module]
    whole = getattr(where, step)

    def struck(*arguments: object) -> None:
        if moment == "after":
            whole(*arguments)
        os._exit(9)

    setattr(where, step, struck)
    rollback.run(settings, PRODUCT, "previous", "ada")


@pytest.mark.parametrize("to", ["c", "2026-03-09"])
def test_an_unknown_release_is_refused_with_those_that_there_are(published: Settings, to: str) -> None:
    with pytest.raises(DaybreakError, match=f"there are {of(published, MONDAY)}, "):
        rollback.run(published, PRODUCT, to, "ada")
    assert state(published) == (str(DAYS[2]),) * 3 and not history.rollbacks(place(published))


def test_a_release_with_a_file_missing_is_refused(published: Settings) -> None:
    next(Path(published.publish).glob(f"shop/*/*/as_of={DAYS[1]}/*/*.parquet")).unlink()
    with pytest.raises(DaybreakError, match="no longer whole"):
        rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published) == (str(DAYS[2]),) * 3


def test_a_release_with_a_damaged_file_is_refused_before_anything_moves(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next(Path(published.publish).glob(f"shop/*/*/as_of={DAYS[1]}/*/*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + bytes([whole[100] ^ 255]) + whole[101:])
    with pytest.raises(DaybreakError, match=f"not what was published: publish the night of {DAYS[1]} again"):
        rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published) == (str(DAYS[2]),) * 3 and not history.rollbacks(place(published))
    file.write_bytes(whole)
    killed_when_decided(published, "previous", monkeypatch)
    file.write_bytes(whole[:-1] + b"?")
    with pytest.raises(DaybreakError, match="not what was published"):
        rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published) == (str(DAYS[2]),) * 3


def test_a_rollback_waits_for_a_load_that_is_under_way(
    published: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = Path(published.warehouse.replace("{store}", "shop") + ".lock")
    loading = held(lock, "a load")
    loading.__enter__()

    def done(_: float) -> None:
        if "waiting" in capsys.readouterr().out:
            loading.__exit__(None, None, None)

    # A clock of its own: other threads of this process sleep too.
    monkeypatch.setattr(rollback, "time", SimpleNamespace(monotonic=time.monotonic, sleep=done))
    rollback.run(published, PRODUCT, "previous", "ada")
    assert state(published) == (str(DAYS[1]),) * 3

    monkeypatch.setattr(connections, "LOAD_SECONDS", 0.0)
    with held(lock, "a load"), pytest.raises(DaybreakError, match="is being written by a load"):
        rollback.run(published, PRODUCT, "latest", "ada")


def test_the_product_is_asked_for_where_there_are_several(published: Settings, tmp_path: Path, root: Path) -> None:
    settings = replace(published, products=("recommendations", "demand"))
    assert rollback.only_product(settings) == PRODUCT
    releases.open_product(settings, "shop", "demand").put(releases.POINTER, b'{"release": "r", "as_of": "2026-03-02"}')
    with pytest.raises(DaybreakError, match="recommendations and demand: say which with PRODUCT="):
        rollback.only_product(settings)


def test_where_nothing_of_a_store_was_published_those_of_which_there_is_are_named(
    published: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(stores.load(published).folder, other)
    (other / "store.yml").write_text((other / "store.yml").read_text().replace("name: shop", "name: other"))
    releases.run(replace(published, store=str(other)))
    assert "There are releases of shop: say which with STORE=" in capsys.readouterr().out
    with pytest.raises(DaybreakError, match=r"nothing of other .* releases of shop"):
        rollback.only_product(replace(published, store=str(other)))


def test_nothing_before_the_first(published: Settings) -> None:
    rollback.run(published, PRODUCT, str(MONDAY), "ada")
    with pytest.raises(DaybreakError, match="no release before"):
        rollback.run(published, PRODUCT, "previous", "ada")
