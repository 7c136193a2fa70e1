"""Champions by night, on a folder and on S3, with MLflow's mirror of them."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import shutil
import threading
import traceback
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from jobs.lib import registry
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings
from tests.conftest import settings_of

OCTOBER, NOVEMBER, DECEMBER = date(2011, 10, 31), date(2011, 11, 30), date(2011, 12, 9)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's empty database, made once: making it takes longer than any test here."""
    home = tmp_path_factory.mktemp("mlflow")
    registry.mlflow_client(settings_of(home))
    return home / "mlflow" / "mlflow.db"


@pytest.fixture(autouse=True)
def _mlflow(database: Path, home: Settings) -> None:
    (home.home / "mlflow").mkdir(parents=True)
    shutil.copy(database, home.home / "mlflow" / "mlflow.db")


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, home: Settings) -> Settings:
    if request.param == "folder":
        return home
    bucket, endpoint = request.getfixturevalue("bucket"), request.getfixturevalue("s3_server")
    return dataclasses.replace(home, lake=f"s3://{bucket}/lake", s3_endpoint=endpoint)


def model(folder: Path, content: str) -> Path:
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    (folder / "ranker.json").write_text(content)
    (folder / "parts" / "items.txt").write_text("same")
    return folder


def crown(settings: Settings, tmp_path: Path, day: date, content: str, **metrics: object) -> registry.Champion:
    return registry.crown(
        settings, "shop", "recommendations", day, model(tmp_path / content, content), metrics, "beats it"
    )


def in_force(settings: Settings, day: date) -> registry.Champion | None:
    return registry.champion(settings, "shop", "recommendations", day)


def test_a_night_uses_the_last_champion_before_it(place: Settings, tmp_path: Path) -> None:
    assert in_force(place, DECEMBER) is None
    later = crown(place, tmp_path, NOVEMBER, "second")
    earlier = crown(place, tmp_path, OCTOBER, "first", home={"ndcg@10": 0.31}, broken=float("nan"))  # a backfill
    assert in_force(place, date(2011, 10, 30)) is None
    assert in_force(place, OCTOBER) == in_force(place, date(2011, 11, 29)) == earlier
    assert in_force(place, NOVEMBER) == in_force(place, DECEMBER) == later
    assert earlier.metrics == {"home": {"ndcg@10": 0.31}, "broken": None} and earlier.verdict == "beats it"
    assert (earlier.path / "ranker.json").read_text() == "first"
    assert (later.path / "parts" / "items.txt").read_text() == "same"
    assert earlier.version != later.version and len(earlier.version) == 12


def test_the_same_crowned_again_changes_nothing(place: Settings, tmp_path: Path) -> None:
    crown(place, tmp_path, OCTOBER, "first", ndcg=0.3, broken=float("nan"))
    before = registry.champions(place, "shop", "recommendations")
    crown(place, tmp_path, OCTOBER, "first", ndcg=0.3, broken=float("nan"))
    assert registry.champions(place, "shop", "recommendations") == before
    again = crown(place, tmp_path, OCTOBER, "other", ndcg=0.2)
    assert [row["version"] for row in registry.champions(place, "shop", "recommendations")] == [again.version]


def test_training_is_due_by_cadence_as_of_the_night(home: Settings, tmp_path: Path) -> None:
    def due(day: date) -> bool:
        return registry.is_due(home, "shop", "recommendations", day)

    assert due(OCTOBER)
    crown(home, tmp_path, OCTOBER, "first")
    assert not due(OCTOBER) and not due(date(2011, 11, 6))  # the night itself run again; six days later
    assert due(date(2011, 11, 7)) and due(date(2011, 10, 30))  # a week later; a night before there was one
    kept = in_force(home, date(2011, 11, 7))
    assert kept is not None
    registry.crown(home, "shop", "recommendations", date(2011, 11, 7), kept.path, {}, reason="challenger lost")
    assert not due(date(2011, 11, 7))


def test_mlflow_mirrors_the_newest(place: Settings, tmp_path: Path) -> None:
    crown(place, tmp_path, NOVEMBER, "second", home={"ndcg@10": 0.32})
    crown(place, tmp_path, OCTOBER, "first", home={"ndcg@10": 0.31})
    crown(place, tmp_path, OCTOBER, "first", home={"ndcg@10": 0.31})
    client = registry.mlflow_client(place)
    name = registry.mlflow_name("shop", "recommendations")
    newest = client.get_model_version_by_alias(name, "champion")
    assert newest.tags["daybreak.champion_from"] == "2011-11-30"
    assert client.get_run(newest.run_id).data.metrics == {"home/ndcg_at_10": 0.32}
    assert len(client.search_model_versions(f"name='{name}'")) == 2
    assert not (Path.cwd() / "mlruns").exists() and not (Path.cwd() / "mlflow.db").exists()
    if "://" not in place.lake:
        assert (Path(newest.source.removeprefix("file://")) / "ranker.json").read_text() == "second"


def test_a_lost_model_is_said(home: Settings, tmp_path: Path) -> None:
    (crown(home, tmp_path, OCTOBER, "first").path / "ranker.json").unlink()
    with pytest.raises(DaybreakError, match=r"ranker\.json: train again"):
        in_force(home, OCTOBER)
    with pytest.raises(DaybreakError, match="nothing to crown"):
        registry.crown(home, "shop", "recommendations", OCTOBER, tmp_path / "nothing", {})


@pytest.fixture
def mlflow_server(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """MLflow's own server, with its checks of what it is sent, keeping artifacts below a folder of its own."""
    kept, stores = tmp_path / "server", f"sqlite:///{tmp_path / 'server' / 'mlflow.db'}"
    kept.mkdir()
    shutil.copy(database, kept / "mlflow.db")
    told = {"FILE_STORE": stores, "REGISTRY_STORE": stores, "ARTIFACT_ROOT": f"file://{kept}"}
    for name, value in told.items():
        monkeypatch.setenv(f"_MLFLOW_SERVER_{name}", value)
    from mlflow.server import app

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


def test_a_server_of_mlflow_shows_the_champions_of_a_lake_in_a_folder(
    home: Settings, tmp_path: Path, mlflow_server: str
) -> None:
    home = dataclasses.replace(home, mlflow=mlflow_server)
    champion = crown(home, tmp_path, OCTOBER, "first", ndcg=0.31)
    newest = registry.mlflow_client(home).get_model_version_by_alias("shop-recommendations", "champion")
    assert newest.tags["daybreak.version"] == champion.version
    assert newest.tags["daybreak.files"] == str(champion.path)


def test_a_server_of_mlflow_out_of_reach_is_said_without_its_password(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = dataclasses.replace(home, mlflow="http://ada:sesame%21open@127.0.0.1:1")
    with pytest.raises(DaybreakError, match=r"MLflow at http://ada:\*\*\*@127\.0\.0\.1:1 .*failed") as told:
        crown(away, tmp_path, OCTOBER, "first")
    assert "sesame" not in "".join(traceback.format_exception(told.value)) and in_force(home, NOVEMBER) is None


@pytest.mark.parametrize("step", ["_upload", "_mirror", "_mlflow_run", "_local_files"])
def test_a_crowning_killed_midway_is_finished_by_another(home: Settings, tmp_path: Path, step: str) -> None:
    before = crown(home, tmp_path, OCTOBER, "first")
    for moment in ("before", "after"):
        child = multiprocessing.get_context("fork").Process(target=_die, args=(home, tmp_path, step, moment))
        child.start()
        child.join()
        assert child.exitcode == 9
        now = in_force(home, NOVEMBER)
        assert now is not None and (step == "_local_files" or now == before)
    after = crown(home, tmp_path, NOVEMBER, "second", ndcg=0.3)
    assert in_force(home, NOVEMBER) == after and in_force(home, OCTOBER) == before
    newest = registry.mlflow_client(home).get_model_version_by_alias("shop-recommendations", "champion")
    assert newest.tags["daybreak.version"] == after.version


def _die(home: Settings, tmp_path: Path, step: str, moment: str) -> None:
    """Crowns in a process of its own that ends as by SIGKILL just before or just after a step."""
    whole = getattr(registry, step)

    def struck(*arguments: object) -> None:
        if moment == "after":
            whole(*arguments)
        os._exit(9)

    setattr(registry, step, struck)
    crown(home, tmp_path, NOVEMBER, "second", ndcg=0.3)
