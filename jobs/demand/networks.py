"""NHITS (Challu et al., AAAI 2023) and TFT (Lim et al., IJF 2021) by neuralforecast, with quantile losses.

Trained once a week on a bounded sample of series, stratified by level; scored for any number of series. They know
what the boosted model knows of days to come: weekday, whether open, whether promoted, planned prices. Of promotions and
prices only those told a whole horizon ahead: a series has one value a day, whichever origin looks at it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jobs.demand.boosted_features import PLANNED_PRICE, levels
from jobs.demand.forecasts import LEVELS, Forecast, mean_of, tidy
from jobs.demand.history import History, filled

NAMES = ("nhits", "tft")
AHEAD = ["is_open", "is_promoted", "weekday_sin", "weekday_cos"]
STATIC = ["log_level", "log_price"]


@dataclass(frozen=True)
class NetworkParams:
    """``series`` bounds the sample, with fewer than ``least_series`` or ``least_days`` nothing is learnt."""

    series: int = 300
    least_series: int = 50
    least_days: int = 140
    input_days: int = 56
    steps: tuple[int, int] = (300, 100)
    windows: int = 128
    batch: int = 32
    hidden: int = 32
    rate: float = 1e-3
    seed: int = 3


@dataclass(frozen=True)
class Networks:
    """Fitted networks; ``names`` are those that can be forecast with, ``inputs`` the days that they look back on."""

    fitted: Any
    names: tuple[str, ...]
    inputs: int

    def save(self, folder: Path) -> None:
        """Writes neuralforecast's own files."""
        with quiet():
            self.fitted.save(str(folder), save_dataset=False, overwrite=True)
        (folder / "inputs.txt").write_text(str(self.inputs))

    @staticmethod
    def load(folder: Path) -> Networks:
        """Reads what :meth:`save` wrote."""
        from neuralforecast import NeuralForecast

        with quiet():
            found = NeuralForecast.load(str(folder))
        for model in found.models:
            # The files say what they were trained on, which this machine may not have.
            model.trainer_kwargs |= trainer()
        return Networks(found, NAMES, int((folder / "inputs.txt").read_text()))

    def forecast(self, history: History, name: str) -> Forecast:
        """Quantiles by one network; the mean is that of its quantiles."""
        shape = (len(history), history.calendar.horizon)
        if not len(history):
            return Forecast(np.zeros((*shape, len(LEVELS))), np.zeros(shape))
        level = levels(history)
        has_plans = PLANNED_PRICE in self.fitted.models[0].futr_exog_list
        known, ahead, static = _frames(history, level, self.inputs, has_plans)
        with quiet():
            found = self.fitted.predict(df=known, static_df=static, futr_df=ahead)
        found = found.sort_values(["unique_id", "ds"], kind="stable")
        columns = [column for column in found if column.lower().startswith(name)]
        quantiles = found[columns].to_numpy(float).reshape(*shape, len(LEVELS)) * level[:, None, None]
        quantiles = np.sort(np.maximum(quantiles, 0.0), axis=2)
        return tidy(quantiles, mean_of(quantiles), history)


def fit(history: History, params: NetworkParams, threads: int) -> Networks | None:
    """Learns both networks; None where there are too few series or days."""
    chosen = sample(history, params)
    inputs = history.calendar.periods(params.input_days)
    if len(chosen) < params.least_series or history.calendar.past < history.calendar.periods(params.least_days):
        return None
    import torch
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import NHITS, TFT

    torch.set_num_threads(threads)
    of = history.of(chosen)
    has_plans = bool(_planned(of, 0, history.calendar.past).any())
    shared = {
        "h": history.calendar.horizon,
        "input_size": inputs,
        "loss": MQLoss(quantiles=list(LEVELS)),
        "futr_exog_list": [*AHEAD, PLANNED_PRICE] if has_plans else AHEAD,
        "stat_exog_list": STATIC,
        "learning_rate": params.rate,
        "batch_size": params.batch,
        "windows_batch_size": params.windows,
        "random_seed": params.seed,
        "start_padding_enabled": True,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        **trainer(),
    }
    models = [
        NHITS(max_steps=params.steps[0], mlp_units=3 * [[params.hidden * 4, params.hidden * 4]], **shared),
        TFT(max_steps=params.steps[1], hidden_size=params.hidden, **shared),
    ]
    known, _, static = _frames(of, levels(of), history.calendar.past, has_plans)
    fitted = NeuralForecast(models=models, freq=f"{history.calendar.period}D")
    with quiet():
        fitted.fit(df=known, static_df=static, val_size=0)
    return Networks(fitted, NAMES, inputs)


def sample(history: History, params: NetworkParams) -> np.ndarray:
    """Positions of at most ``series`` items that sold in the last 56 days: evenly spaced by level, so that small and
    large ones are learnt from alike."""
    late = history.calendar.periods(56)
    alive = np.flatnonzero((history.units[:, -late:] > 0).sum(axis=1) >= 3)
    if not len(alive):
        return alive
    ranked = alive[np.argsort(-levels(history.of(alive)), kind="stable")]
    at = np.unique(np.linspace(0, len(ranked) - 1, min(params.series, len(ranked))).astype(int))
    return np.sort(ranked[at])


def trainer() -> dict[str, Any]:
    """What networks are trained and scored on: one GPU where there is one, else the cores."""
    import torch

    return {"accelerator": "gpu" if torch.cuda.is_available() else "cpu", "devices": 1}


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' remarks on every fit and prediction."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric")]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    for one, level in zip(loggers, before, strict=True):
        one.setLevel(level)


def _planned(history: History, low: int, high: int) -> np.ndarray:
    """Planned price changes of the periods from ``low`` to before ``high`` (item, period), each as the earliest origin
    that looks at it, a horizon before, knew it."""
    horizon = history.calendar.horizon
    seen = [history.list_prices.changes(len(history), day - horizon + 1, horizon)[:, -1] for day in range(low, high)]
    return np.column_stack(seen)


def _frames(
    history: History, level: np.ndarray, inputs: int, has_plans: bool
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The last ``inputs`` periods, the days to come, and what does not change, as neuralforecast wants them; series are
    named by position."""
    calendar, past = history.calendar, history.calendar.past
    start = max(0, past - inputs)
    names = np.array([f"{row:07d}" for row in range(len(history))])
    angle = 2 * np.pi * calendar.weekday / 7
    days = pd.to_datetime(calendar.days)
    # The earliest origin that looks at a day is a horizon before it; later ones must not tell what that one missed.
    promoted = history.promotions.seen(len(history), np.arange(len(days)) - calendar.horizon + 1)

    def between(low: int, high: int) -> pd.DataFrame:
        width = high - low
        wide = {"is_open": calendar.is_open, "weekday_sin": np.sin(angle), "weekday_cos": np.cos(angle)}
        frame = pd.DataFrame({"unique_id": np.repeat(names, width), "ds": np.tile(days[low:high], len(names))})
        for name, values in wide.items():
            frame[name] = np.tile(np.asarray(values[low:high], np.float32), len(names))
        frame["is_promoted"] = promoted[:, low:high].astype(np.float32).ravel()
        if has_plans:
            frame[PLANNED_PRICE] = _planned(history, low, high).astype(np.float32).ravel()
        return frame

    known = between(start, past)
    known["y"] = (filled(history, history.units)[:, start:] / level[:, None]).astype(np.float32).ravel()
    # Days without stock are looked back on as filled, and weigh nothing in the loss.
    known["available_mask"] = history.actual(start, past - start)[1].astype(np.float32).ravel()
    there = (np.arange(start, past)[None, :] >= np.minimum(history.first, past - 1)[:, None]).ravel()
    sold = ~np.isnan(history.price)
    price = np.where(sold, history.price, 0.0).sum(axis=1) / np.maximum(sold.sum(axis=1), 1)
    static = pd.DataFrame(
        {"unique_id": names, "log_level": np.log(level), "log_price": np.log(np.maximum(price, 0.01))}
    ).astype({"log_level": np.float32, "log_price": np.float32})
    return known[there], between(past, past + calendar.horizon), static
