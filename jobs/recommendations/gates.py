"""The gate: on each split of customers the model is published only where it likely beat the best baseline, in words.

A baseline is what the night itself can publish: any score of :data:`jobs.recommendations.baselines.BASELINES`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from jobs.lib import registry
from jobs.lib.intervals import Resampled
from jobs.recommendations import baselines
from jobs.recommendations.model import MODEL, Gate

MEASURE = "ndcg@10"
# In how many draws of customers the model must be ahead of the best baseline. A higher mean alone lets a model that is
# no better out every other week, and one worse by a standard error in one of six; this is two of five and one of ten.
# Not more: the baseline is the best of several on these very customers, which flatters it. And not by what was
# published before: a backfilled night would have to know it.
CHANCE = 0.6
NAMES = {"frequency": "personal frequency"}
# What is decided on; a shop's newcomers have lists of their own and must not weigh in those of others.
COUNTRIES = "cold by country"
SPLITS = ("personal", "discovery", "again", "cold", COUNTRIES)


def evaluated(drawn: Resampled, day: date) -> dict[str, Gate]:
    """Gates by split, from the figures of :func:`jobs.recommendations.columns.each_customer` on the cut of ``day``;
    lists of countries go by the list for all where no newcomer's order declares one."""
    measured = {key[0] for key in drawn.columns}
    found = {split: _gate(split, drawn, day) for split in SPLITS if split in measured}
    if COUNTRIES not in found:
        reason = f"as cold, since no newcomer's order declares a country: {found['cold'].reason}"
        found[COUNTRIES] = replace(found["cold"], split=COUNTRIES, reason=reason)
    return found


def without_model(reason: str) -> dict[str, Gate]:
    """Baselines everywhere: a store with too little history to learn from, and the reason."""
    return {
        "personal": Gate("personal", "frequency", reason),
        "discovery": Gate("discovery", "popularity", reason),
        "again": Gate("again", "frequency", reason),
        "cold": Gate("cold", "popularity", reason),
        COUNTRIES: Gate(COUNTRIES, "popularity", reason),
    }


def verdict(found: dict[str, Gate]) -> dict[str, Any]:
    """What the registry keeps of the gates."""
    said = registry.gate_said
    return {split: said(gate.publishes, gate.publishes == MODEL, gate.reason) for split, gate in found.items()}


def _gate(split: str, drawn: Resampled, day: date) -> Gate:
    lists = [key for key in drawn.columns if key[0] == split and key[2] == MEASURE]
    figures = {name: drawn.mean((split, name, MEASURE)) for _, name, _ in lists}
    if not figures[MODEL].cases:
        reason = f"nobody to measure on among the buyers of the 28 days after {day}"
        # The first of the baselines: personal frequency where it has a list.
        return Gate(split, next(name for name in baselines.BASELINES if name in figures), reason)
    means = {name: figure.value for name, figure in figures.items()}
    best = min((name for name in means if name in baselines.BASELINES), key=lambda name: (-means[name], name))
    columns = (split, MODEL, MEASURE), (split, best, MEASURE)
    found, chance = drawn.ratio(*columns), drawn.chance_above(*columns)
    publishes, verb = (MODEL, "beats") if chance >= CHANCE else (best, "does not beat")
    reason = (
        f"NDCG@10 of the model, {means[MODEL]:.4f}, {verb} that of {NAMES.get(best, best)}, {means[best]:.4f} "
        f"(ratio {found.value:.3f}, 95% {found.low:.3f} to {found.high:.3f}; ahead with a chance of {chance:.2f}, "
        f"{CHANCE} is asked), on {found.cases:,} customers of the 28 days after {day}"
    )
    return Gate(split, publishes, reason, means[MODEL], means[best], found.low, found.high, found.cases, chance)
