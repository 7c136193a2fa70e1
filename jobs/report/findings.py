"""What the report of a night tells, from the tables, the registry and the release: small whatever the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.lib import lineage, registry
from jobs.lib.stages import Night
from jobs.published import releases
from jobs.report import demand, inputs, pricing, since_last
from jobs.report.titles import titles

DAYS_SHOWN = 56
EXAMPLES = 3
PLACES = 8  # of each list
HISTORY_LINES = 12
REFUSALS_SHOWN = 50
CHAMPIONS_SHOWN = 26


@dataclass(frozen=True)
class Findings:
    """All of one night's report, in the order of its page; each list is of plain mappings."""

    store: str
    as_of: str
    sources: list[dict[str, Any]]
    volume: list[tuple[str, int]]
    inputs: list[dict[str, Any]]
    refused: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    counts: list[dict[str, Any]]
    products: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    demand: dict[str, Any] | None
    pricing: dict[str, Any] | None


def findings(night: Night) -> Findings:
    """Gathers the report of ``night``; what is not there yet is empty."""
    landed = {source: _landed_by_day(night, source) for source in night.store.sources}
    results = _results(night)
    return Findings(
        store=night.store.name,
        as_of=night.as_of.isoformat(),
        sources=[_source(night, source, days) for source, days in landed.items()],
        volume=_volume(night, landed),
        inputs=inputs.distributions(night),
        refused=_refused(night),
        rules=[row for row in results if row["severity"] != "count"],
        counts=[row for row in results if row["severity"] == "count"],
        products=[_product(night, product) for product in night.settings.products],
        stages=_stages(night),
        examples=_examples(night),
        demand=demand.findings(night),
        pricing=pricing.findings(night),
    )


def _landed_by_day(night: Night, source: str) -> list[dict[str, Any]]:
    """Files, rows and names a known day, from the rows that files have of their own; days up to the night."""
    frame = night.tables.read_landed(source)
    if frame is None:
        return []
    own = frame.where((F.col("_row") == 0) & (F.col("_known_day") <= F.lit(night.as_of)))
    counted = own.groupBy("_known_day").agg(
        F.count(F.lit(1)).alias("files"), F.sum("_rows").alias("rows"), F.min("_file").alias("first_file")
    )
    return [row.asDict() for row in counted.orderBy("_known_day").collect()]


def _source(night: Night, source: str, days: list[dict[str, Any]]) -> dict[str, Any]:
    tonight = [day for day in days if day["_known_day"] == night.as_of]
    return {
        "source": source,
        "files": sum(day["files"] for day in tonight),
        "rows": sum(day["rows"] or 0 for day in tonight),
        "first_file": tonight[0]["first_file"] if tonight else "",
        "files_so_far": sum(day["files"] for day in days),
        "rows_so_far": sum(day["rows"] or 0 for day in days),
        "last_day": str(days[-1]["_known_day"]) if days else "never",
    }


def _volume(night: Night, landed: Mapping[str, list[dict[str, Any]]]) -> list[tuple[str, int]]:
    """Rows of all sources on each of the last days, those without any among them."""
    rows: dict[Any, int] = {}
    for days in landed.values():
        for day in days:
            rows[day["_known_day"]] = rows.get(day["_known_day"], 0) + (day["rows"] or 0)
    shown = [night.as_of - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]
    return [(str(day), rows.get(day, 0)) for day in shown]


def _refused(night: Night) -> list[dict[str, Any]]:
    frame = night.tables.raw("quarantine.files")
    if frame is None:
        return []
    tonight = frame.where(F.col("known_day") == F.lit(night.as_of)).orderBy("source", "file", "rule", "row")
    return [row.asDict() for row in tonight.limit(REFUSALS_SHOWN).collect()]


def _results(night: Night) -> list[dict[str, Any]]:
    """Each rule that anything broke or that only counts: how much this night, and in all nights so far."""
    frame = night.tables.raw("quality.results")
    if frame is None:
        return []
    tonight = F.col("known_day") == F.lit(night.as_of)
    summed = (
        frame.where(F.col("known_day") <= F.lit(night.as_of))
        .groupBy("table", "rule", "column", "severity")
        .agg(
            F.sum(F.when(tonight, F.col("broken"))).alias("tonight"),
            F.sum("broken").alias("so_far"),
            F.max(F.when(tonight, F.col("observed"))).alias("observed"),
            F.max(F.when(tonight, F.col("limit"))).alias("limit"),
            F.max(F.when(tonight, F.col("is_broken"))).alias("is_broken"),
        )
    )
    found = summed.where("so_far > 0 OR is_broken").orderBy("table", "severity", F.desc("so_far"), "rule", "column")
    return [row.asDict() for row in found.collect()]


def _product(night: Night, product: str) -> dict[str, Any]:
    champion = registry.champion(night.settings, night.store.name, product, night.as_of)
    store = releases.open_product(night.settings, night.store.name, product)
    latest = releases.newest(store, night.as_of)
    seen = releases.current(store)
    return {
        "product": product,
        "champion": champion,
        "quality": quality(champion.metrics) if champion else [],
        "over_time": over_time(registry.champions(night.settings, night.store.name, product), night.as_of.isoformat()),
        "choice": choice(champion.metrics.get("cost"), night.settings.core_hour_price) if champion else [],
        "reranking": champion.metrics.get("reranking", []) if champion else [],
        "verdict": _words(champion.verdict) if champion else [],
        "release": latest,
        "moved": since_last.moved(store, latest) if latest else None,
        "is_current": bool(latest and seen and seen["release"] == latest["release"]),
        "current": seen,
    }


def quality(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The champion's figures: one chart for each split and measure, a bar for each list compared in it.

    Metrics come as split → list → measure → figure; others are left to MLflow. A product that measures more than anyone
    looks at names what is drawn under ``drawn``: split → measures.
    """
    drawn = metrics.get("drawn")
    charts: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for split, lists in metrics.items():
        for name, measures in lists.items() if isinstance(lists, Mapping) else ():
            for measure, figure in measures.items() if isinstance(measures, Mapping) else ():
                if isinstance(figure, int | float) and (drawn is None or measure in drawn.get(split, ())):
                    charts.setdefault((measure, split), []).append((name, float(figure)))
    return [
        {"split": split, "measure": measure, "bars": bars, "largest": max(figure for _, figure in bars) or 1.0}
        for (measure, split), bars in sorted(charts.items(), key=lambda chart: (chart[0][0] != "ndcg@10", chart[0]))
    ]


def choice(costs: Mapping[str, Any] | None, core_hour_price: float) -> list[dict[str, Any]]:
    """The candidate configurations that a training compared, the best first: ``ndcg``, CPU ``seconds`` and ``price`` of
    the lists of 1,000 customers, ``is_chosen``; none where a product compares none."""
    if costs is None:
        return []
    rows = [
        {**one, "name": name, "price": one["seconds"] / 3600 * core_hour_price, "is_chosen": name == costs["chosen"]}
        for name, one in costs["configurations"].items()
    ]
    return sorted(rows, key=lambda row: (-row["ndcg"], row["name"]))


def over_time(champions: list[dict[str, Any]], as_of: str) -> list[dict[str, Any]]:
    """What each model trained so far reached, beside the best baseline of its own evaluation: a chart for each split
    that is drawn, by the measure drawn first, with ``days`` of (night, model, baseline, its name); of two models on."""
    days: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in champions if len(champions) > 1 else ():
        charts = quality(row["metrics"])
        for chart in charts if row["champion_from"] <= as_of else ():
            bars = dict(chart["bars"])
            # "model unweighted" and the like are ours, too.
            peers = {name: figure for name, figure in bars.items() if not name.startswith("model")}
            if "model" in bars and peers and chart["measure"] == charts[0]["measure"]:
                best = max(peers, key=lambda name: peers[name])
                day = {"night": row["champion_from"], "model": bars["model"], "peer": peers[best], "peer_name": best}
                days.setdefault((chart["measure"], chart["split"]), []).append(day)
    return [
        {
            "measure": measure,
            "split": split,
            "days": told[-CHAMPIONS_SHOWN:],
            "largest": max(max(day["model"], day["peer"]) for day in told) or 1.0,
        }
        for (measure, split), told in days.items()
        if len(told) > 1
    ]


def _words(verdict: Any) -> list[str]:
    """The evaluation's verdict, one line for each thing that it says."""
    if isinstance(verdict, Mapping):
        return [f"{name}: {' · '.join(_words(part))}" for name, part in verdict.items()]
    if isinstance(verdict, list):
        return [" · ".join(_words(part)) for part in verdict]
    return [] if verdict is None else [f"{verdict:.4g}" if isinstance(verdict, float) else str(verdict)]


def _stages(night: Night) -> list[dict[str, Any]]:
    """The newest completed run of each stage for the night: seconds, memory, the rows of its tables, and what it cost:
    so many cores for so long, at the price of the setting."""
    log = lineage.runs(night.tables)
    if log is None:
        return []
    rows = log.where(F.col("as_of") == F.lit(night.as_of)).orderBy("finished_at", "table").collect()
    newest = {row["stage"]: row["run_id"] for row in rows}
    stages: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["run_id"] == newest[row["stage"]]:
            told = {"stage": row["stage"], "seconds": row["seconds"], "peak_bytes": _peak(row), "tables": []}
            stage = stages.setdefault(row["stage"], told)
            if row["table"]:
                stage["tables"].append({"table": row["table"], "rows": row["rows"], "version": row["version"]})
    for stage in stages.values():
        stage["cost"] = stage["seconds"] / 3600 * night.settings.model_threads * night.settings.core_hour_price
        made = sum(table["rows"] or 0 for table in stage["tables"])
        stage["cost_per_thousand"] = stage["cost"] / made * 1000 if made else None
    return list(stages.values())


def _peak(row: Row) -> int | None:
    # The log of a home that an older Daybreak began has no such column until its next night.
    return row.asDict().get("peak_bytes")


def _examples(night: Night) -> list[dict[str, Any]]:
    """A few customers, the same each time for the same lists: what they bought last and what each list shows."""
    if "recommendations" not in night.settings.products or not night.tables.exists("recommendations.for_customer"):
        return []
    lists = night.tables.read("recommendations.for_customer", night.as_of).where(F.col("rank") <= PLACES)
    chosen = lists.where("rank = 1").select("customer_id").distinct().orderBy(F.xxhash64("customer_id"), "customer_id")
    customers = [row["customer_id"] for row in chosen.limit(EXAMPLES).collect()]
    if not customers:
        return []
    rows = lists.where(F.col("customer_id").isin(customers)).orderBy("placement", "rank").collect()
    lines = _history(night, customers)
    named = titles(night, [row["item_id"] for row in rows] + [line["item_id"] for line in lines])
    return [
        {
            "customer": customer,
            "history": [line for line in lines if line["customer_id"] == customer][:HISTORY_LINES],
            "lists": _by_placement([row.asDict() for row in rows if row["customer_id"] == customer]),
            "titles": named,
        }
        for customer in customers
    ]


def _history(night: Night, customers: list[str]) -> list[dict[str, Any]]:
    lines = night.tables.read("validated.order_lines", night.as_of).where(F.col("customer_id").isin(customers))
    bought = lines.where("NOT is_cancellation AND NOT is_test AND is_product")
    last = bought.groupBy("customer_id", "item_id").agg(F.max("order_date").alias("day"), F.sum("units").alias("units"))
    return [row.asDict() for row in _newest_each(last).collect()]


def _newest_each(last: DataFrame) -> DataFrame:
    ranked = last.withColumn("_nth", F.expr("row_number() OVER (PARTITION BY customer_id ORDER BY day DESC, item_id)"))
    return ranked.where(F.col("_nth") <= HISTORY_LINES).orderBy("customer_id", "_nth").drop("_nth")


def _by_placement(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    placements: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        placements.setdefault(row["placement"], []).append(row)
    return placements
