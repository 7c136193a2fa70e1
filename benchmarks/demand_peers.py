"""What a user would pick instead: AutoETS and AutoTheta of statsforecast, LightGBM through mlforecast.

Each takes a long frame ``unique_id, ds, y`` without gaps and gives ``unique_id, ds, mean, q10, q50, q90`` for 28 days.
"""

from __future__ import annotations

import pandas as pd

HORIZON = 28
COLUMNS = ["unique_id", "ds", "mean", "q10", "q50", "q90"]


def statistical(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    """AutoETS or AutoTheta with a weekly season; quantiles are those of its 80% interval."""
    from statsforecast import StatsForecast, models

    chosen = getattr(models, model)(season_length=7)
    found = StatsForecast(models=[chosen], freq="D", n_jobs=2).forecast(df=frame, h=HORIZON, level=[80])
    names = {model: "mean", f"{model}-lo-80": "q10", f"{model}-hi-80": "q90"}
    found = found.rename(columns=names)
    return found.assign(q50=found["mean"])[COLUMNS]


def boosted(frame: pd.DataFrame) -> pd.DataFrame:
    """One LightGBM a quantile and one for the mean, with lags, rolling means and the weekday, forecast step by step."""
    import lightgbm as lgb
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean

    shared = {"n_estimators": 200, "learning_rate": 0.05, "num_leaves": 31, "n_jobs": 2, "verbosity": -1, "seed": 1}
    models = {f"q{int(q * 100)}": lgb.LGBMRegressor(objective="quantile", alpha=q, **shared) for q in (0.1, 0.5, 0.9)}
    models["mean"] = lgb.LGBMRegressor(objective="tweedie", **shared)
    forecaster = MLForecast(
        models=models,
        freq="D",
        lags=[1, 7, 14, 21, 28],
        lag_transforms={1: [RollingMean(7), RollingMean(28)], 7: [RollingMean(28)]},
        date_features=["dayofweek"],
    )
    forecaster.fit(frame, static_features=[])
    return forecaster.predict(HORIZON)[COLUMNS]
