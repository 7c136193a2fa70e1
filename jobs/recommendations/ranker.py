"""The ranker: two XGBoost models of one set of pairs, a logistic one and LambdaMART.

The logistic model keeps the tail alive, rank:ndcg sharpens the top (:mod:`jobs.recommendations.blend`).
Rows are sorted before training: XGBoost gives the same trees at any number of threads, but not for another order.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost

from jobs.recommendations.blend import ranks

OBJECTIVES = {"logistic": "binary:logistic", "ndcg": "rank:ndcg"}
MISSING = -9999.0
# A cascade: what few rounds of the logistic model put behind so many others of a customer is not looked at again. On
# cuts of August and September 2011 of Online Retail it moved no NDCG@10 by more than .0002, in half the time or less.
FIRST_ROUNDS = 30
SHORTLIST = 60

# Of rounds that are within this share of the best on the later window, the last: what a model learns late is the tail.
# On cuts of 10 June, 8 July and 5 August 2011 of Online Retail log loss was best after 81, 197 and 198 rounds, and on
# the first .08% worse after 200; there the lists of 200 rounds had .7% more NDCG@10 for lists of anything, 13% more of
# the tail's. For discovery the rule gains 2.3 and .6% on the first two.
FLAT = 0.001


@dataclass(frozen=True)
class RankerParams:
    """Trees and sampling. ``negatives`` candidates a customer are drawn **uniformly** from those not bought, own
    items among them: keeping all own ones costs 6% of NDCG. Each model is the mean of ``members`` fitted with seeds of
    their own: on cuts of 8 August, 5 September and 3 October 2011 of Online Retail two gain .3 to .6% of NDCG@10 over
    one for lists of anything, on the last 1.4% for discovery; four another .3% (-.1 to .6 by the blend) on cuts of 8
    July and 5 August, where three seeds of two differ by .6% themselves. By estimate they make a thousand customers'
    lists .7 CPU seconds dearer, of about ten, and stopping late as much again.

    Fewer members of more rounds are the better trees for lists of anything: on cuts of 10 June, 8 July and 5 August
    2011 three of 300 have .1 to .2% more NDCG@10 than four of 200, and 2 to 5% more of the tail's. For discovery 300
    rounds are too many: four of 300 instead of 200 have -1.5, -1.3 and +.6% on those cuts (:data:`DISCOVERY`)."""

    negatives: int = 100
    rounds: int = 300
    seed: int = 20
    members: int = 3
    trees: dict[str, float] = field(
        default_factory=lambda: {
            "max_depth": 5,
            "eta": 0.1,
            "colsample_bytree": 0.3,
            "subsample": 0.8,
            "min_child_weight": 40,
            "lambda": 5,
        }
    )


DISCOVERY = RankerParams(rounds=200, members=4)


@dataclass(frozen=True)
class Examples:
    """Pairs to learn from, sorted by cut, customer and item: features, whether bought, the customer's group, what a
    pair of this customer weighs (None: all alike), what the purchase of a pair does (None: all alike; the logistic
    model's alone, as LambdaMART takes one weight a customer), and how much interest the customer showed
    (:data:`jobs.recommendations.frames.INTEREST`; None: purchases alone are known; LambdaMART's alone, the logistic
    model is of purchases)."""

    features: pd.DataFrame
    is_bought: np.ndarray
    group: np.ndarray
    weight: np.ndarray | None = None
    credit: np.ndarray | None = None
    grade: np.ndarray | None = None

    def where(self, mask: np.ndarray) -> Examples:
        """The examples that the mask keeps."""
        optional = (None if each is None else each[mask] for each in (self.weight, self.credit, self.grade))
        features = self.features[mask].reset_index(drop=True)
        return Examples(features, self.is_bought[mask], self.group[mask], *optional)


@dataclass(frozen=True)
class Ranker:
    """Fitted models by the objective's name, from the second on with its number (``logistic``, ``logistic.2``), and how
    many rounds those of an objective took."""

    boosters: dict[str, xgboost.Booster]
    rounds: dict[str, int]
    feature_names: tuple[str, ...]

    def predicted(self, features: pd.DataFrame) -> dict[str, np.ndarray]:
        """Each objective's margin (log-odds for the logistic one) of each pair, the mean of its members'."""
        if not len(features):
            return {objective_of(name): np.zeros(0) for name in self.boosters}
        return self._margins(_dense(features[list(self.feature_names)]))

    def shortlisted(self, features: pd.DataFrame, row: np.ndarray) -> dict[str, np.ndarray]:
        """As :meth:`predicted` for the :data:`SHORTLIST` pairs of each customer (``row``, sorted) that come first by
        the first rounds of the logistic model; all others stand behind them, in that order (a cascade: Wang, Lin and
        Metzler 2011, "A cascade ranking model for efficient ranked retrieval")."""
        if not len(features):
            return self.predicted(features)
        matrix = _dense(features[list(self.feature_names)])
        place = ranks(row, _margin(self.boosters["logistic"], matrix, FIRST_ROUNDS))
        is_near = place <= SHORTLIST
        near = self._margins(matrix[is_near])
        if is_near.all():
            return near
        starts = np.flatnonzero(np.diff(row[is_near], prepend=-1))
        behind = np.cumsum(np.diff(row, prepend=row[0]) != 0)[~is_near]
        found = {}
        for name, margin in near.items():
            found[name] = np.empty(len(row))
            found[name][is_near] = margin
            found[name][~is_near] = np.minimum.reduceat(margin, starts)[behind] - (place[~is_near] - SHORTLIST)
        return found

    def _margins(self, matrix: np.ndarray) -> dict[str, np.ndarray]:
        margins: dict[str, list[np.ndarray]] = {}
        for name, booster in sorted(self.boosters.items()):
            margins.setdefault(objective_of(name), []).append(_margin(booster, matrix))
        return {name: np.mean(each, axis=0) for name, each in margins.items()}

    def save(self, folder: Path, name: str) -> None:
        """Writes ``<name>.<objective>.ubj`` and ``<name>.json``."""
        for objective, booster in self.boosters.items():
            booster.save_model(folder / f"{name}.{objective}.ubj")
        about = {
            "members": sorted(self.boosters),
            "rounds": self.rounds,
            "feature_names": list(self.feature_names),
        }
        (folder / f"{name}.json").write_text(json.dumps(about, indent=1, sort_keys=True))

    @staticmethod
    def load(folder: Path, name: str) -> Ranker:
        """Reads what :meth:`save` wrote; raises XGBoostError where a member's file is missing."""
        about = json.loads((folder / f"{name}.json").read_text())
        boosters = {}
        # A champion from before members stopped together has its rounds by member.
        for member in about.get("members", about["rounds"]):
            # In a task of Spark each core has a task of its own.
            boosters[member] = xgboost.Booster({"nthread": 1}, model_file=folder / f"{name}.{member}.ubj")
        return Ranker(boosters, about["rounds"], tuple(about["feature_names"]))


def _margin(booster: xgboost.Booster, matrix: np.ndarray, rounds: int = 0) -> np.ndarray:
    """Margins by the first ``rounds``, by default all. In place: making a DMatrix of so few rows costs as much as
    predicting them."""
    last = min(rounds, booster.num_boosted_rounds())
    found = booster.inplace_predict(matrix, iteration_range=(0, last), predict_type="margin", validate_features=False)
    return found.astype(float)


def objective_of(name: str) -> str:
    """The objective that a booster of this name was fitted for."""
    return name.partition(".")[0]


def sampled(examples: Examples, params: RankerParams) -> Examples:
    """All bought pairs and ``negatives`` others a customer, uniformly; customers who bought no candidate are left
    out. The draw depends on the seed and a customer's place among the examples alone."""
    bought = np.bincount(examples.group, weights=examples.is_bought)
    draw = np.random.default_rng(params.seed).random(len(examples.group))
    draw[examples.is_bought] = -1.0
    place = ranks(examples.group, -draw)
    kept = (place <= bought[examples.group] + params.negatives) & (bought[examples.group] > 0)
    return examples.where(kept)


def fit(
    train: Examples,
    params: RankerParams,
    threads: int,
    later: Examples | None = None,
    rounds: dict[str, int] | None = None,
) -> Ranker:
    """Fits both models on sampled examples; stops early on ``later`` ones, or takes the ``rounds`` given, by objective.

    An objective's members stop together, by the mean of their curves (each alone, they stopped after 40 to 200 rounds
    on the same examples), and late (:data:`FLAT`)."""
    if (later is None) == (rounds is None):
        raise ValueError("fit() takes either later examples to stop on or the rounds to use")
    data = _Data(_dense(train.features), train, None if later is None else _dense(later.features), later, params)
    # Boosters of one thread, several at a time: XGBoost's own threads wait for each other at every node, which on two
    # cores with other work took four times the CPU seconds and nearly three times the time (measured).
    workers = 1 if device() == "cuda" else max(1, min(threads, params.members))
    each = partial(data.members, rounds=rounds, threads=max(1, threads // workers))
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(each, np.array_split(np.arange(1, params.members + 1), workers))
        made = [member for part in parts for member in part]
    if rounds is None:
        rounds = {of: _best(of, [curve for name, _, curve in made if objective_of(name) == of]) for of in OBJECTIVES}
    boosters = {name: booster[: rounds[objective_of(name)]] for name, booster, _ in made}
    for booster in boosters.values():
        # A night scores on cores, wherever it was trained.
        booster.set_param({"device": "cpu"})
    return Ranker(boosters, dict(rounds), tuple(train.features.columns))


@dataclass(frozen=True)
class _Data:
    """What all members learn from and stop on, with their features as numbers."""

    values: np.ndarray
    train: Examples
    later_values: np.ndarray | None
    later: Examples | None
    params: RankerParams

    def members(
        self, numbers: np.ndarray, rounds: dict[str, int] | None, threads: int
    ) -> list[tuple[str, xgboost.Booster, list[float]]]:
        """The names of both objectives' members of these numbers, the members, and their curves on the later examples
        (empty without)."""
        names = list(self.train.features.columns)
        # One matrix for both objectives: the values' bins do not depend on what is learnt.
        matrix = xgboost.QuantileDMatrix(self.values, feature_names=names, nthread=threads)
        # Not a QuantileDMatrix: trees take twice as long to read values out of bins.
        stop = None if self.later is None else xgboost.DMatrix(self.later_values, feature_names=names, nthread=threads)
        found = []
        # All of an objective together: a matrix that has been given groups keeps them.
        for objective in OBJECTIVES:
            _label(matrix, self.train, objective)
            if stop is not None and self.later is not None:
                # Lists are judged by what was bought, and so is when to stop.
                _label(stop, replace(self.later, grade=None), objective)
            for number in numbers.tolist():
                told: dict[str, dict[str, list[float]]] = {}
                booster = xgboost.train(
                    _settings(objective, self.params.seed + number - 1, self.params, threads),
                    matrix,
                    self.params.rounds if rounds is None else rounds[objective],
                    evals=[] if stop is None else [(stop, "later")],
                    evals_result=told,
                    verbose_eval=False,
                )
                curve = next(iter(told["later"].values())) if told else []
                found.append((f"{objective}.{number}" if number > 1 else objective, booster, curve))
        return found


def _best(objective: str, curves: list[list[float]]) -> int:
    """The most rounds after which the mean of the curves (log loss or NDCG) is nearly at its best."""
    mean = np.mean(curves, axis=0)
    near = mean <= mean.min() * (1 + FLAT) if objective == "logistic" else mean >= mean.max() * (1 - FLAT)
    return int(np.flatnonzero(near)[-1]) + 1


def _settings(objective: str, seed: int, params: RankerParams, threads: int) -> dict:
    settings = {
        **params.trees,
        "objective": OBJECTIVES[objective],
        "tree_method": "hist",
        "seed": seed,
        "nthread": threads,
        "device": device(),
        "eval_metric": "logloss" if objective == "logistic" else "ndcg@10-",
    }
    if objective == "ndcg":
        settings |= {"lambdarank_pair_method": "topk", "lambdarank_num_pair_per_sample": 8}
    return settings


def device() -> str:
    """``cuda`` where this XGBoost is built for it (``xgboost-cpu`` of requirements.txt is not) and a GPU is there."""
    if not xgboost.build_info()["USE_CUDA"]:
        return "cpu"
    # Seconds to import: only for who might gain them.
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _dense(features: pd.DataFrame) -> np.ndarray:
    """Rows of float32 with a value of its own for what is not known: without gaps, bins are small and trees quick."""
    values = np.array(features.to_numpy(np.float32), order="C")
    values[np.isnan(values)] = MISSING
    return values


def _label(matrix: xgboost.DMatrix, examples: Examples, name: str) -> None:
    """Groups for LambdaMART; for the logistic model rows weighted so that who buys much does not drown the rest."""
    label = examples.is_bought.astype(np.float32)
    matrix.set_label(label)
    if name == "ndcg":
        # XGBoost takes one weight a group here.
        _, first, size = np.unique(examples.group, return_index=True, return_counts=True)
        matrix.set_label(label if examples.grade is None else examples.grade)
        matrix.set_group(size)
        matrix.set_weight(np.ones(len(size)) if examples.weight is None else examples.weight[first])
        return
    bought = np.bincount(examples.group, weights=label)
    weight = np.maximum(bought[examples.group], 1) ** -0.5
    for each in (examples.weight, examples.credit):
        weight = weight if each is None else weight * each
    matrix.set_weight(weight)
