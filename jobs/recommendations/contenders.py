"""The lists that are compared on a window: the model's and the baselines', any of which a night can publish.

Four kinds of lists, as a shop shows them: ``all`` (anything; people without a list of their own get the newcomers'),
``discovery`` (nothing they had), ``again`` (only that) and ``cold`` (the newcomers' one list, for all without a list of
their own).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.recommendations import baselines
from jobs.recommendations.for_newcomer import COUNTRY, NewcomerParams, one_list, segment_lists
from jobs.recommendations.learning import Window
from jobs.recommendations.model import Model

UNWEIGHTED = "model unweighted"
Lists = dict[str, dict[str, pd.DataFrame]]
# What says nothing of a kind of list: where nothing was bought before, frequency is popularity; where all was, it and
# the time that has passed are what a shop would go by.
HISTORY = {"frequency", "dueness"}
RIVALS = {
    "all": set(baselines.BASELINES) - {"dueness"},
    "discovery": set(baselines.BASELINES) - HISTORY,
    "again": HISTORY,
}


def lists(window: Window, models: dict[str, Model]) -> Lists:
    """Kind of list → name → lists of 20 places."""
    found, new = window.found, window.allowed("discovery")
    ours = {name: model.model_score("all", found.features, found.row) for name, model in models.items()}
    again = {name: score[window.allowed("again")] for name, score in ours.items()}
    discovery = {
        name: model.model_score("discovery", found.features[new], found.row[new]) for name, model in models.items()
    }
    cold = {name: newcomer_lists(window, is_ours=name in models) for name in (*models, "popularity")}
    personal = _ranked(window, ours, "all")
    everyone = {name: pd.concat([some, cold.get(name, cold["popularity"])]) for name, some in personal.items()}
    return {
        "all": everyone,
        "discovery": _ranked(window, discovery, "discovery"),
        "again": _ranked(window, again, "again"),
        "cold": cold,
    }


def newcomer_lists(window: Window, is_ours: bool) -> pd.DataFrame:
    """The one list for newcomers, given to each buyer without a list of their own: for one a visit is enough, and who
    gave no consent has none."""
    who = window.cut.truth[["customer_id"]].drop_duplicates()
    who = who[~who["customer_id"].isin(window.customer_ids)]
    return who.merge(one_list(window.cut.items, is_ours, _params(window))[["item_id", "rank"]], how="cross")


def country_lists(window: Window, is_ours: bool) -> pd.DataFrame:
    """For each newcomer the list of the country that their order declares, the one list where that country has none."""
    cold = window.cut.bought("cold")
    # An order may name a country and the next one none: the largest of both is not to be had.
    named = cold.assign(country=cold["country"].fillna(""))
    who = named.groupby("customer_id", sort=True)["country"].max().reset_index()
    every = segment_lists(window.cut.items, window.cut.segments, is_ours, _params(window))
    wanted = COUNTRY + who["country"]
    who["segment"] = np.where(wanted.isin(every["segment"]), wanted, "all")
    return who.merge(every, on="segment")[["customer_id", "item_id", "rank"]]


def _params(window: Window) -> NewcomerParams:
    return NewcomerParams(home_country=window.catalogue.home_country)


def _ranked(window: Window, ours: dict[str, np.ndarray], kind: str) -> dict[str, pd.DataFrame]:
    """Lists by our scores and by those of the kind's baselines, each one value a candidate that it may show."""
    mask = window.allowed(kind)
    features = window.found.features[mask]
    theirs = {name: score(features) for name, score in baselines.BASELINES.items() if name in RIVALS[kind]}
    of_products = kind != "again"  # what is bought again is of one's own size
    return {name: window.lists(score, mask, of_products=of_products) for name, score in (ours | theirs).items()}
