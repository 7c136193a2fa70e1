"""Training: elasticities fitted on earlier weeks and judged on later ones, then fitted on all of them.

``train`` is a function of a plain frame; ``run`` is the night's entry: it builds the panel, logs and crowns.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import functions as F

from jobs.features.campaigns import campaigns
from jobs.lib import registry
from jobs.lib.stages import Night
from jobs.pricing import gate, guardrails_file, promotions
from jobs.pricing.elasticity import ElasticityParams, fit
from jobs.pricing.gate import GateParams, Verdict
from jobs.pricing.panel import collected, last_day, panel
from jobs.pricing.posterior import NONE, Posterior

PRODUCT = "pricing"
ABOUT = "model.json"
PANEL_FILE = "panel.parquet"
EFFECTS = "promotion_effects.csv"
DIGITS = 6  # sums of other numpy builds differ beyond
SHOWN_WEEKS = 52


@dataclass(frozen=True)
class Trained:
    """What training gives: the posterior that decides (silenced where the gate said no), the one that was fitted, the
    verdict, and figures for the registry."""

    posterior: Posterior
    verdict: Verdict
    figures: dict[str, Any]


def train(
    rows: pd.DataFrame, params: ElasticityParams = ElasticityParams(), gating: GateParams = GateParams()
) -> Trained:
    """Trains on a panel (:mod:`jobs.pricing.panel`). With too little history the prices stay, and the verdict says so;
    raises nothing for a small store."""
    if rows.empty:
        return Trained(_nobody(), Verdict(False, "nothing has been sold yet: prices stay"), {})
    whole = fit(rows, params)
    first = gate.cut(rows, gating)
    if first is None:
        weeks = rows["week"].nunique()
        needed = gating.judged_weeks + gating.fewest_weeks
        verdict = Verdict(False, f"history too short to judge by: {weeks} of at least {needed} weeks: prices stay")
    else:
        verdict = gate.judged(fit(rows[rows["week"] < first], params), rows[rows["week"] >= first], gating)
    return Trained(whole if verdict.publishes else gate.silenced(whole), verdict, _figures(whole, verdict))


def run(night: Night) -> None:
    """Trains, keeps the files and figures in the registry and MLflow, and crowns the model for this night."""
    if not registry.is_due(night.settings, night.store.name, PRODUCT, night.as_of):
        night.log("the champion in force is fresh: nothing to train")
        return
    rows = night_panel(night)
    night.log(f"{len(rows):,} weeks of {rows['item_id'].nunique():,} items")
    trained = train(rows)
    night.log(trained.verdict.reason)
    told = promotions.effects(rows, _promotions(night))
    with tempfile.TemporaryDirectory() as folder:
        save(trained, rows, told, night.as_of, Path(folder))
        verdict = gate.for_registry(trained.verdict)
        champion = registry.crown(
            night.settings, night.store.name, PRODUCT, night.as_of, Path(folder), trained.figures, verdict
        )
    night.log(f"champion {champion.version} from {night.as_of}")


def night_panel(night: Night) -> pd.DataFrame:
    """The panel as of the night."""
    tables = night.tables
    names = ("order_lines", "items", "prices", "competitor_prices", "contract_prices")
    frames = {name: tables.read(f"validated.{name}", night.as_of) for name in names}
    changing = ("promotions", "stock_levels")
    frames |= {f"{name}_changes": tables.read_changes(f"validated.{name}", None, night.as_of) for name in changing}
    trust = guardrails_file.load(night.store.folder, night.settings.guardrails, night.store.currency).competitors
    until = last_day(frames["order_lines"], night.store, night.as_of)
    return collected(panel(until=until, **frames), trust)


def _promotions(night: Night) -> pd.DataFrame:
    """Campaigns that had begun by the night, those that are over among them."""
    known = campaigns(night.tables.read_changes("validated.promotions", None, night.as_of))
    begun = known.where(F.col("known_until").isNull() & (F.col("starts_on") <= F.lit(night.as_of)))
    frame: pd.DataFrame = begun.select("promotion_id", "item_id", "starts_on", "ends_on").toPandas()
    return frame.sort_values(["promotion_id", "item_id", "starts_on"], kind="stable", ignore_index=True)


def save(trained: Trained, rows: pd.DataFrame, effects: pd.DataFrame, as_of: date, folder: Path) -> None:
    """Writes the model's files: the posterior, its verdict, what promotions did, and the last year of the panel for the
    report's curves; the same model gives the same bytes."""
    trained.posterior.save(folder)
    about = {"trained_as_of": str(as_of), "verdict": asdict(trained.verdict)}
    (folder / ABOUT).write_text(json.dumps(about, indent=1, sort_keys=True))
    effects.round(DIGITS).to_csv(folder / EFFECTS, index=False)
    last = sorted(rows["week"].unique())[-SHOWN_WEEKS:]
    shown = rows.loc[rows["week"].isin(last), ["item_id", "week", "units", "price", "is_promotion", "is_stockout"]]
    shown.reset_index(drop=True).to_parquet(folder / PANEL_FILE, index=False)


def _figures(posterior: Posterior, verdict: Verdict) -> dict[str, Any]:
    """What MLflow shows: how many items have which evidence, what the naive regression would say, what
    neighbours' prices do in the mean of categories, and the gate."""
    frame = posterior.frame()
    known = frame[frame["evidence"] != NONE]
    shares = frame["evidence"].value_counts(normalize=True).to_dict()
    return {
        "evidence": {str(name): float(share) for name, share in sorted(shares.items())},
        "elasticity": {"mean": _mean(known["mean"]), "naive": _mean(known["naive"])},
        "cross_price": {name: _mean(posterior.categories()[name]) for name in ("nest", "rest")},
        "gate": {"gain": verdict.gain, "low": verdict.low, "items": float(verdict.items)},
    }


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if values.notna().any() else float("nan")


def _nobody() -> Posterior:
    """The posterior of a shop without sales."""
    text, numbers = pd.Series([], dtype=str).to_numpy(str), pd.Series([], dtype=float).to_numpy()
    names = ("mean", "low", "high", "naive", "price", "log_rate", "log_rate_sd", "diversion_nest", "diversion_category")
    return Posterior(
        item_id=text, category=text, nest=text, evidence=text, draws=numbers.reshape(0, 1), category_id=text,
        category_mean=numbers, category_low=numbers, category_high=numbers, **dict.fromkeys(names, numbers),
    )  # fmt: skip
