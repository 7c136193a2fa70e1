"""The environment, read once into one frozen object; every default of a setting stands here and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from jobs.lib.errors import DaybreakError

PERSON, GATE = "person", "gate"  # who lifts the hold of a rollback
PRODUCTS = ("recommendations", "demand", "pricing")
RERANK_WEIGHTS = ("margin", "stock", "freshness", "discovery")
GROUP_COLUMNS = ("country", "channel", "segment", "age_band", "is_business")


@dataclass(frozen=True)
class Settings:
    """What a run is told from outside. Paths are absolute; ``lake`` and ``publish`` are a folder or ``s3://bucket/prefix``.

    ``cost_budget`` is what the lists of 1,000 customers may take in CPU seconds; ``group_weight`` above 0 weights the
    customers of small groups of ``group_column`` up in training, by (share of the group) ** -group_weight.
    ``fairness_threshold``: below which share of what all get a group raises an alarm.
    ``warehouse`` is a DuckDB file, a Postgres URL or ``none``; ``{store}`` in it stands for the store's name. Days
    and changes of nights more than ``warehouse_days`` before the newest are dropped from it.
    ``rerank_weights``: what a figure weighs in lists beside relevance, of customers with some orders and with fewer;
    ``guardrails`` names the file of a store's price guardrails where it is not guardrails.yml in its folder;
    ``item_memory`` is the ceiling in bytes (the variable: GiB) of what items are compared with each other in;
    ``is_position_corrected`` (not 0) weighs purchases in training by how far down they were shown;
    ``is_interest_graded`` (1) teaches LambdaMART that carts stand above views and purchases above both."""

    home: Path
    store: str
    lake: str
    publish: str
    landing: str | None
    data: str | None
    products: tuple[str, ...]
    control_share: float
    control_salt: str
    exploration_share: float
    events_retention_days: int
    release_retention_days: int
    core_hour_price: float
    settle_seconds: float
    training_cadence_days: int
    cost_budget: float | None
    group_column: str
    group_weight: float
    fairness_threshold: float
    rerank_weights: Mapping[str, tuple[float, float]]
    guardrails: str | None
    item_memory: int
    is_position_corrected: bool
    is_interest_graded: bool
    master: str
    remote: str | None = field(repr=False)  # a token
    driver_memory: str
    shuffle_partitions: int
    spark_options: tuple[tuple[str, str], ...] = field(repr=False)  # keys of other storages
    mlflow: str | None = field(repr=False)  # user and password
    s3_endpoint: str | None
    s3_region: str
    s3_encryption: str | None
    rollback_hold: str
    warehouse_days: int
    warehouse: str = field(repr=False)  # may hold a password

    @property
    def is_cluster(self) -> bool:
        """Whether Spark's tasks may run on other machines than this one."""
        if self.remote:
            return not self.remote.startswith(("sc://localhost", "sc://127.0.0.1"))
        return not self.master.startswith("local")

    def report(self, store_name: str, as_of: date) -> Path:
        """Where the report of a night lies."""
        return self.home / "reports" / store_name / f"{as_of}.html"

    @property
    def model_threads(self) -> int:
        """Cores that one model's training may use: all of this machine's."""
        return os.cpu_count() or 1


def load(env: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings from ``env``; raises DaybreakError naming the variable and what it may be."""
    home = Path(env.get("DAYBREAK_HOME") or ".daybreak").expanduser().resolve()
    return Settings(
        home=home,
        store=env.get("DAYBREAK_STORE") or "simulated",
        lake=_location(env, "DAYBREAK_LAKE", home / "lake"),
        publish=_location(env, "DAYBREAK_PUBLISH", home / "published"),
        landing=env.get("DAYBREAK_LANDING") or None,
        data=_path(env, "DAYBREAK_DATA"),
        products=_products(env),
        control_share=_number(env, "DAYBREAK_CONTROL_SHARE", 0.05, 0.0, 1.0),
        control_salt=env.get("DAYBREAK_CONTROL_SALT") or "daybreak",
        exploration_share=_number(env, "DAYBREAK_EXPLORATION_SHARE", 0.05, 0.0, 0.5),
        events_retention_days=int(_number(env, "DAYBREAK_EVENTS_RETENTION_DAYS", 90, 35, 36500)),
        release_retention_days=int(_number(env, "DAYBREAK_RELEASE_RETENTION_DAYS", 90, 1, 36500)),
        core_hour_price=_number(env, "DAYBREAK_CORE_HOUR_PRICE", 0.05, 0.0, 1e6),
        settle_seconds=_number(env, "DAYBREAK_SETTLE_SECONDS", 2.0, 0.0, 86400.0),
        training_cadence_days=int(_number(env, "DAYBREAK_TRAINING_CADENCE_DAYS", 7, 1, 3650)),
        cost_budget=_number(env, "DAYBREAK_COST_BUDGET", 0, 0.01, 1e6) if env.get("DAYBREAK_COST_BUDGET") else None,
        group_column=_one_of(env, "DAYBREAK_GROUP_COLUMN", GROUP_COLUMNS),
        group_weight=_number(env, "DAYBREAK_GROUP_WEIGHT", 0.0, 0.0, 1.0),
        fairness_threshold=_number(env, "DAYBREAK_FAIRNESS_THRESHOLD", 0.7, 0.0, 1.0),
        rerank_weights=_rerank_weights(env),
        guardrails=_path(env, "DAYBREAK_GUARDRAILS"),
        is_position_corrected=_number(env, "DAYBREAK_POSITION_CORRECTION", 1, 0, 1) == 1,
        is_interest_graded=_number(env, "DAYBREAK_GRADED_LABELS", 0, 0, 1) == 1,
        item_memory=int(_number(env, "DAYBREAK_ITEM_MEMORY", 1.0, 0.01, 1024.0) * 2**30),
        master=env.get("DAYBREAK_MASTER") or "local[*]",
        remote=env.get("SPARK_REMOTE") or None,
        driver_memory=env.get("DAYBREAK_DRIVER_MEMORY") or "3g",
        shuffle_partitions=int(_number(env, "DAYBREAK_SHUFFLE_PARTITIONS", 2, 1, 100000)),
        spark_options=_spark_options(env),
        mlflow=env.get("MLFLOW_TRACKING_URI") or None,
        s3_endpoint=env.get("DAYBREAK_S3_ENDPOINT") or None,
        s3_region=env.get("DAYBREAK_S3_REGION") or env.get("AWS_REGION") or "us-east-1",
        s3_encryption=_encryption(env),
        rollback_hold=_one_of(env, "DAYBREAK_ROLLBACK_HOLD", (PERSON, GATE)),
        warehouse_days=int(_number(env, "DAYBREAK_WAREHOUSE_DAYS", 30, 1, 36500)),
        warehouse=_warehouse(env, home / "warehouse" / "{store}.duckdb"),
    )


def _location(env: Mapping[str, str], name: str, default: Path) -> str:
    value = env.get(name)
    if not value:
        return str(default)
    return value.rstrip("/") if value.startswith("s3://") else str(Path(value).expanduser().resolve())


def _encryption(env: Mapping[str, str]) -> str | None:
    value = env.get("DAYBREAK_S3_ENCRYPTION") or None
    if value is not None and value not in ("AES256", "aws:kms") and not value.startswith("aws:kms:"):
        raise DaybreakError(f"DAYBREAK_S3_ENCRYPTION is {value!r}: expected AES256, aws:kms or aws:kms:<key>")
    return value


def _warehouse(env: Mapping[str, str], default: Path) -> str:
    value = env.get("DAYBREAK_WAREHOUSE")
    return (
        value if value and (value == "none" or "://" in value) else str(Path(value or default).expanduser().resolve())
    )


def _path(env: Mapping[str, str], name: str) -> str | None:
    return str(Path(env[name]).expanduser().resolve()) if env.get(name) else None


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise DaybreakError(f"{name} is {text!r}: expected a number from {low:g} to {high:g}")
    return value


def _spark_options(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What a deployment adds: ``spark.executor.memory=4g spark.executor.cores=2``, with blanks between."""
    pairs = [text.partition("=") for text in (env.get("DAYBREAK_SPARK_OPTIONS") or "").split()]
    for name, _, value in pairs:
        if not name.startswith("spark.") or not value:
            raise DaybreakError(f"DAYBREAK_SPARK_OPTIONS has {name!r}: expected spark.name=value, with blanks between")
    return tuple((name, value) for name, _, value in pairs)


def _rerank_weights(env: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """``margin=0.1 freshness=0.05/0.2``: a weight, and behind a stroke that of customers with few orders."""
    found = {}
    for text in (env.get("DAYBREAK_RERANK_WEIGHTS") or "").split():
        name, _, told = text.partition("=")
        usual, _, early = told.partition("/")
        try:
            weights = float(usual), float(early or usual)
        except ValueError:
            weights = (float("nan"),) * 2
        if name not in RERANK_WEIGHTS or not all(0 <= weight <= 1 for weight in weights):
            raise DaybreakError(
                f"DAYBREAK_RERANK_WEIGHTS has {text!r}: expected name=weight or name=weight/weight for customers with "
                f"few orders, from 0 to 1, the name one of {', '.join(RERANK_WEIGHTS)}"
            )
        found[name] = weights
    return found


def _one_of(env: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """The variable's value, the first of those known where it is not set."""
    value = env.get(name) or known[0]
    if value not in known:
        raise DaybreakError(f"{name} is {value!r}: expected one of {', '.join(known)}")
    return value


def _products(env: Mapping[str, str]) -> tuple[str, ...]:
    wanted = tuple(name.strip() for name in (env.get("PRODUCTS") or ",".join(PRODUCTS)).split(",") if name.strip())
    for name in wanted:
        if name not in PRODUCTS:
            raise DaybreakError(f"PRODUCTS names {name!r}: expected some of {', '.join(PRODUCTS)}")
    return wanted
