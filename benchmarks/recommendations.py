"""Recommendations for Online Retail from the published files, beside what a user would pick instead, in one run.

Products only (codes that begin with five digits or DCGS) for history, truth, peers and us. History: identified,
non-cancelled lines with quantity and price above 0. Truth: distinct products bought in the 28 days after the as-of
day. Every buyer of those days counts; one without history is served ``for_newcomer``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from benchmarks import published
from benchmarks.figures import Figure
from benchmarks.homes import fresh_home, night, public_data
from benchmarks.peers import als, bm25, frequency, popularity, without_own
from jobs.recommendations import evaluate

STORE = "online_retail"
TARGETS = {
    date(2011, 9, 30): {
        "all": 0.258,
        "discovery": 0.135,
        "cold": 0.084,
        "country": 0.095,
        "tail": 0.024,
        "coverage": 0.32,
    },
    date(2011, 10, 31): {
        "all": 0.316,
        "discovery": 0.168,
        "cold": 0.103,
        "country": 0.108,
        "tail": 0.030,
        "coverage": 0.36,
    },
}
WINDOW = timedelta(days=28)
HEAD_SHARE = 0.2


def measure() -> Iterator[Figure]:
    """Two nights of Online Retail, each against the 28 days after it."""
    lines = bought(public_data(STORE) / "by-day")
    with fresh_home() as home:
        for as_of in TARGETS:
            night(home, STORE, str(as_of), PRODUCTS="recommendations", DAYBREAK_CONTROL_SHARE="0")
        for as_of, target in TARGETS.items():
            yield from of_night(home, lines, as_of, target)


def bought(folder: Path) -> pd.DataFrame:
    """Lines that count: ``customer_id, item_id, order_id, day, country, units``, one row a line."""
    raw = pd.concat([pd.read_csv(path, dtype=str) for path in sorted(folder.glob("*.csv"))], ignore_index=True)
    units, price = raw["Quantity"].astype(float), raw["UnitPrice"].astype(float)
    kept = raw["CustomerID"].notna() & ~raw["InvoiceNo"].str.startswith("C") & (units > 0) & (price > 0)
    kept &= raw["StockCode"].str.match(r"\d{5}|DCGS")
    lines = raw[kept]
    return pd.DataFrame(
        {
            "customer_id": lines["CustomerID"].str.replace(r"\.0$", "", regex=True),
            "item_id": lines["StockCode"],
            "order_id": lines["InvoiceNo"],
            "day": pd.to_datetime(lines["InvoiceDate"]).dt.date,
            "country": lines["Country"],
            "units": units[kept],
        }
    )


def of_night(home: Path, lines: pd.DataFrame, as_of: date, target: dict[str, float]) -> Iterator[Figure]:
    """All figures of one night."""
    history = lines[lines["day"] <= as_of]
    truth = lines[(lines["day"] > as_of) & (lines["day"] <= as_of + WINDOW)].drop_duplicates(["customer_id", "item_id"])
    read = {
        name: published.table(home, STORE, "recommendations", name, str(as_of))
        for name in ("for_customer", "for_newcomer")
    }
    personal, newcomer = read["for_customer"], read["for_newcomer"]
    known = set(history["customer_id"])
    home_lists = personal[personal["placement"] == "home"]
    ours = pd.concat([home_lists, served(newcomer, set(truth["customer_id"]) - set(home_lists["customer_id"]))])

    peers = {
        "own frequency + popularity": frequency(history, truth, as_of),
        "popularity 28 d": popularity(history, truth, as_of),
    }
    yield figure("NDCG@10 all", as_of, ours, truth, peers, target["all"])
    catalogue = history["item_id"].nunique()
    # Of the same customers on both sides: lists of all would cover more than those of the buyers.
    buyers = ours[ours["customer_id"].isin(set(truth["customer_id"]))]
    shown = [evaluate.coverage(lists, catalogue) for lists in (buyers, peers["own frequency + popularity"])]
    measure_name = f"{as_of} coverage@10 of the catalogue"
    yield Figure("recommendations", measure_name, *shown, "own frequency + popularity", target["coverage"])
    # The targets were set beside a peer of .021 and .025, which is what it has by orders among all buyers. By units and
    # among those with history it has more than they ask for.
    by_orders, by_units = tails(history, truth)
    yield figure("NDCG@10 tail by orders, in the plain list", as_of, ours, by_orders, peers, target["tail"])
    regulars = by_units[by_units["customer_id"].isin(known)]
    yield figure("NDCG@10 tail by units, with history", as_of, ours, regulars, peers, None)

    fresh = without_own(truth, history)
    fresh = fresh[fresh["customer_id"].isin(known)]
    finders = {"BM25 item-kNN": bm25(history, fresh), "ALS 128": als(history, fresh)}
    discover = personal[personal["placement"] == "discover"]
    yield figure("NDCG@10 discovery", as_of, discover, fresh, finders, target["discovery"])

    cold = truth[~truth["customer_id"].isin(known)]
    popular = {"popularity 28 d": popularity(history, cold, as_of)}
    yield figure(
        "NDCG@10 cold, one list", as_of, served(newcomer, set(cold["customer_id"])), cold, popular, target["cold"]
    )
    yield figure(
        "NDCG@10 cold, list of the country", as_of, served_by_country(newcomer, cold), cold, popular, target["country"]
    )


def tails(history: pd.DataFrame, truth: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was bought outside the fifth of the items with most orders (baskets that hold one), and outside the fifth
    with most units."""
    by_item = history.groupby("item_id")
    sales = by_item["order_id"].nunique(), by_item["units"].sum()
    heads = (sold.nlargest(int(len(sold) * HEAD_SHARE)).index for sold in sales)
    by_orders, by_units = (truth[~truth["item_id"].isin(head)] for head in heads)
    return by_orders, by_units


def figure(
    name: str,
    as_of: date,
    ours: pd.DataFrame,
    truth: pd.DataFrame,
    peers: dict[str, pd.DataFrame],
    target: float | None,
) -> Figure:
    """NDCG@10 of ours and of the best of the peers over the customers of ``truth``."""
    own = float(evaluate.per_customer(ours, truth)["ndcg@10"].mean())
    scores = {peer: float(evaluate.per_customer(lists, truth)["ndcg@10"].mean()) for peer, lists in peers.items()}
    best = max(scores, key=lambda peer: scores[peer])
    return Figure(
        "recommendations", f"{as_of} {name} ({truth['customer_id'].nunique()})", own, scores[best], best, target
    )


def served(newcomer: pd.DataFrame, customers: set[str], segment: str = "all") -> pd.DataFrame:
    """The list of a segment, given to each of these customers."""
    one = newcomer.loc[newcomer["segment"] == segment, ["rank", "item_id"]]
    return pd.DataFrame({"customer_id": sorted(customers)}).merge(one, how="cross")


def served_by_country(newcomer: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Each customer the list of their country, or of all where the country has none."""
    segments = set(newcomer["segment"])
    country = truth.drop_duplicates("customer_id").set_index("customer_id")["country"]
    wanted = ("country=" + country).where(("country=" + country).isin(segments), "all")
    parts = [served(newcomer, set(group.index), segment) for segment, group in wanted.groupby(wanted)]
    return pd.concat(parts, ignore_index=True)
