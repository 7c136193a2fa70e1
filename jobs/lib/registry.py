"""Champions: which model of a product is in force from which night on.

The truth is a dated list, ``<lake>/<store>/registry/champions/<product>.json``, replaced whole by a conditional
write; the files of a model lie beside it under their content's hash and never change. A rollback adds a row too, which
holds: until a person lifts it, or a model passes the gate (``DAYBREAK_ROLLBACK_HOLD=gate``), no other is put in force.

MLflow (sqlite under the home, no server, no network) mirrors the list for people: a run with figures for every
champion, and the alias ``champion`` on the newest. Files come first, MLflow next and the row last, so that a run that
was killed leaves the earlier champion in force and the same command finishes the work.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jobs.lib import objects, passwords
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectStore, PreconditionFailed
from jobs.lib.settings import GATE, PERSON, Settings

ATTEMPTS = 20  # to replace the list of champions while others do
TRAINED, ROLLED_BACK, LIFTED = "trained", "rollback", "lifted"  # how the reason of a row begins
MLFLOW_BATCH = 500  # metrics in one call; MLflow takes up to 1,000


@dataclass(frozen=True)
class Champion:
    """A model in force from ``champion_from`` on. ``path`` is a local folder with its files, ``version`` the first
    twelve hexadecimal digits of their content's hash, ``metrics`` and ``verdict`` what its evaluation said."""

    product: str
    champion_from: date
    version: str
    path: Path
    metrics: dict[str, Any]
    verdict: Any


@dataclass(frozen=True)
class _Row:
    """A champion as it is kept: ``files`` are name → [bytes, sha256]; ``recorded_at`` is provenance only."""

    champion_from: str
    version: str
    files: dict[str, list]
    metrics: dict[str, Any]
    verdict: Any
    reason: str
    recorded_at: str = field(compare=False)


def champion(settings: Settings, store: str, product: str, as_of: date) -> Champion | None:
    """The champion that night ``as_of`` uses, the last with ``champion_from`` ≤ ``as_of``; None when there is none.

    Raises DaybreakError when its files are gone.
    """
    rows = [row for row in _rows(_registry(settings, store), product)[0] if row.champion_from <= as_of.isoformat()]
    if not rows:
        return None
    return _opened(settings, store, product, rows[-1])


def champions(settings: Settings, store: str, product: str) -> list[dict[str, Any]]:
    """All rows, the oldest night first: champion_from, version, files, metrics, verdict, reason, recorded_at."""
    return [asdict(row) for row in _rows(_registry(settings, store), product)[0]]


def is_due(settings: Settings, store: str, product: str, as_of: date) -> bool:
    """Whether night ``as_of`` must train: no champion is in force, or its night lies a whole cadence back.

    One that a rollback put there holds for as long as the setting says; one that was lifted is as old as its training.
    """
    rows = [row for row in _rows(_registry(settings, store), product)[0] if row.champion_from <= as_of.isoformat()]
    if not rows:
        return True
    last = rows[-1]
    if _is_held(last) and settings.rollback_hold == PERSON:
        return False
    if last.reason.startswith(LIFTED):
        last = next(row for row in rows if row.version == last.version)
    return (as_of - date.fromisoformat(last.champion_from)).days >= settings.training_cadence_days


def crowned(settings: Settings, store: str, product: str, versions: Collection[str]) -> Champion | None:
    """The champion among these model versions, as it was crowned last; None where the registry has none of them."""
    rows = [row for row in _rows(_registry(settings, store), product)[0] if row.version in versions]
    return _opened(settings, store, product, rows[-1]) if rows else None


def _opened(settings: Settings, store: str, product: str, row: _Row) -> Champion:
    path = _local_files(settings, store, product, row)
    return Champion(product, date.fromisoformat(row.champion_from), row.version, path, row.metrics, row.verdict)


def _is_held(row: _Row) -> bool:
    return row.reason.startswith(ROLLED_BACK)


def gate_said(publishes: str, has_passed: bool, reason: str) -> dict[str, Any]:
    """One part of a verdict, which holds one for each gate of a product: the name of what is published, whether the
    trained model passed, and the sentence that says why. Products name what they publish as they like; whether the
    gate was passed is said here alone."""
    return {"publishes": publishes, "has_passed": has_passed, "reason": reason}


def _passes(verdict: Any) -> bool:
    """Whether a gate lets the trained model out anywhere."""
    parts = verdict.values() if isinstance(verdict, Mapping) else ()
    return any(isinstance(part, Mapping) and part.get("has_passed") is True for part in parts)


def crown(
    settings: Settings,
    store: str,
    product: str,
    champion_from: date,
    folder: Path,
    metrics: Mapping[str, Any],
    verdict: Any = None,
    reason: str = TRAINED,
) -> Champion:
    """Put the model whose files lie in ``folder`` in force from night ``champion_from`` on.

    ``metrics`` may be nested; what is a number in it is shown in MLflow. ``verdict`` holds a part a gate
    (:func:`gate_said`) and whatever else the evaluation has to say. Crowning the same again changes nothing;
    other content for the same night replaces that night's row. To keep a champion that a challenger did not beat,
    crown its own ``path`` again: the cadence starts anew. That is done here where a rollback holds a champion and what
    was trained did not pass the gate. A person's decision also takes back what was crowned for later nights.
    """
    registry, files = _registry(settings, store), _described(folder)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    given = _Row(champion_from.isoformat(), _version(files), files, _plain(dict(metrics)), _plain(verdict), reason, at)
    is_decided = reason.startswith((ROLLED_BACK, LIFTED))
    for _ in range(ATTEMPTS):
        rows, etag = _rows(registry, product)
        # In each attempt anew: a rollback may have come while this model was trained, or since the last attempt.
        held = _held_against(settings, rows, given) if reason == TRAINED else None
        row = held or given
        if held is None:
            _upload(registry, folder, _model_key(product, row), files)
        later = [] if is_decided else [r for r in rows if r.champion_from > row.champion_from]
        after = [*(r for r in rows if r.champion_from < row.champion_from), row, *later]
        with _told(settings.mlflow):
            _mirror(settings, store, product, row, registry, row is after[-1])
        if row not in rows or len(after) < len(rows):
            content = json.dumps({"product": product, "champions": [asdict(r) for r in after]}, indent=1).encode()
            try:
                registry.put(_list_key(product), content, if_match=etag, if_absent=etag is None)
            except PreconditionFailed:
                continue
        return _opened(settings, store, product, row)
    raise DaybreakError(
        f"{registry.uri(_list_key(product))} keeps changing: another run is writing it. Run this again."
    )


def _held_against(settings: Settings, rows: Sequence[_Row], trained: _Row) -> _Row | None:
    """The row that takes the place of a trained one where a rollback keeps its champion in force on that night; None
    where none is kept."""
    before = [row for row in rows if row.champion_from <= trained.champion_from]
    if not before or not _is_held(before[-1]) or (settings.rollback_hold == GATE and _passes(trained.verdict)):
        return None
    reason = f"{ROLLED_BACK} held: gate not passed"
    return replace(before[-1], champion_from=trained.champion_from, reason=reason, recorded_at=trained.recorded_at)


def _registry(settings: Settings, store: str) -> ObjectStore:
    return objects.open_store(f"{settings.lake}/{store}/registry", settings)


def _list_key(product: str) -> str:
    return f"champions/{product}.json"


def _model_key(product: str, row: _Row) -> str:
    return f"models/{product}/{row.version}"


def _night(row: _Row) -> str:
    return row.champion_from


def _rows(registry: ObjectStore, product: str) -> tuple[list[_Row], str | None]:
    """The list and the etag to replace it by; the etag is taken first, so that a change in between is noticed."""
    etag = registry.etag(_list_key(product))
    if etag is None:
        return [], None
    content = json.loads(registry.read(_list_key(product)))
    return sorted((_Row(**row) for row in content["champions"]), key=_night), etag


def _described(folder: Path) -> dict[str, list]:
    """Name below ``folder`` → [bytes, sha256] of every file, in the order of names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if not paths:
        raise DaybreakError(f"There are no model files in {folder}: nothing to crown.")
    described: dict[str, list] = {}
    for path in paths:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        described[path.relative_to(folder).as_posix()] = [path.stat().st_size, digest]
    return described


def _plain(value: Any) -> Any:
    """The value as JSON gives it back, so that what is kept can be compared; what is not a number is null."""
    return json.loads(json.dumps(value, default=float), parse_constant=lambda _: None)


def _version(files: Mapping[str, list]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]


def _upload(registry: ObjectStore, folder: Path, key: str, files: Mapping[str, list]) -> None:
    there = {found.key: found.size for found in registry.list(f"{key}/")}
    for name, (size, _) in files.items():
        if there.get(f"{key}/{name}") != size:
            registry.put(f"{key}/{name}", folder / name)


def _local_files(settings: Settings, store: str, product: str, row: _Row) -> Path:
    """A local folder with the model's files: the registry's own where that is a folder, else a copy under the home."""
    registry, key = _registry(settings, store), _model_key(product, row)
    is_remote = "://" in registry.root
    path = settings.home / "models" / store / product / row.version if is_remote else Path(registry.uri(key))
    if is_remote and not path.is_dir():
        partial = path.with_name(f".{row.version}-{uuid.uuid4().hex}")
        for name, (_, expected) in row.files.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            with registry.open(f"{key}/{name}") as source, (partial / name).open("wb") as sink:
                shutil.copyfileobj(source, sink)
            with (partial / name).open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                    raise DaybreakError(f"{registry.uri(f'{key}/{name}')} is not what was crowned: train again.")
        try:
            partial.rename(path)
        except OSError:  # another process was as quick
            shutil.rmtree(partial)
    for name, (size, _) in row.files.items():
        if not (path / name).is_file() or (path / name).stat().st_size != size:
            raise DaybreakError(
                f"The champion of {product} ({row.version}) has lost its file {path / name}: train again."
            )
    return path


def _mirror(settings: Settings, store: str, product: str, row: _Row, registry: ObjectStore, is_newest: bool) -> None:
    """Show the champion in MLflow: a run, a version of the registered model, and the alias if it is the newest."""
    client = mlflow_client(settings)
    name = mlflow_name(store, product)
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    tags = {"daybreak.version": row.version, "daybreak.champion_from": row.champion_from, "daybreak.reason": row.reason}
    known = [v for v in client.search_model_versions(f"name='{name}'") if v.tags.items() >= tags.items()]
    if known:
        number = known[0].version
    else:
        # A server keeps what is logged where it was told to; without one it lies in the home.
        place = None if settings.mlflow else f"file://{quote(str(settings.home / 'mlflow' / 'artifacts' / name))}"
        run = _mlflow_run(client, name, place, row, tags)
        root = registry.uri(_model_key(product, row))
        source = root if "://" in root else f"file://{quote(root)}"
        if settings.mlflow and "://" not in root:
            # A server takes no folder of this machine but the run's own; the tag says where the files are.
            source = client.get_run(run).info.artifact_uri
        number = client.create_model_version(name, source, run, tags={**tags, "daybreak.files": root}).version
    if is_newest:
        client.set_registered_model_alias(name, "champion", number)


@contextmanager
def _told(url: str | None) -> Iterator[None]:
    """Turns an error of the server of MLflow into one sentence, without the password: both MLflow and its HTTP client
    quote the whole URL."""
    try:
        yield
    except Exception as error:
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        if url is None or not isinstance(error, MlflowException | RequestException):
            raise
        words = " ".join(f"MLflow at {url} does not show the champion, which is not in force: {error}".split())
        raise DaybreakError(passwords.masked(words, url)) from None


def mlflow_name(store: str, product: str) -> str:
    """The name of a product's registered model and experiment in MLflow."""
    return f"{store}-{product}"


def _mlflow_run(client: Any, name: str, place: str | None, row: _Row, tags: Mapping[str, str]) -> str:
    from mlflow.entities import Metric

    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name, artifact_location=place)
    run = client.create_run(experiment, run_name=f"{row.champion_from} {row.version}", tags=tags).info.run_id
    night = datetime.combine(date.fromisoformat(row.champion_from), time(), UTC)
    at = int(night.timestamp() * 1000)
    shown = [Metric(key, value, at, 0) for key, value in _numbers(row.metrics)]
    for start in range(0, len(shown), MLFLOW_BATCH):
        client.log_batch(run, metrics=shown[start : start + MLFLOW_BATCH])
    client.log_dict(run, {"metrics": row.metrics, "verdict": row.verdict, "files": row.files}, "champion.json")
    client.set_terminated(run)
    return run


def _numbers(metrics: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a nested mapping with names that MLflow allows (``ndcg@10`` becomes ``ndcg_at_10``)."""
    for key, value in metrics.items():
        name = above + "".join(c if c.isalnum() or c in "_-. /" else "_at_" if c == "@" else "_" for c in str(key))
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{name}/")
        elif isinstance(value, int | float):
            yield name, float(value)


def mlflow_client(settings: Settings) -> Any:
    """MLflow's server where MLFLOW_TRACKING_URI names one, else a sqlite file and a folder under the home; its import
    takes seconds, so only training pays for it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")  # the story of every table it creates
    from mlflow import MlflowClient

    if settings.mlflow:
        return MlflowClient(settings.mlflow, settings.mlflow)
    database = settings.home / "mlflow" / "mlflow.db"
    if not database.exists():  # made under another name: a run killed in the midst of it leaves no half a schema
        database.parent.mkdir(parents=True, exist_ok=True)
        fresh = database.with_name(f"{uuid.uuid4().hex}.partial")
        MlflowClient(f"sqlite:///{fresh}", f"sqlite:///{fresh}").search_registered_models(max_results=1)
        fresh.rename(database)
    return MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}")
