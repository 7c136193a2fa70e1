"""The networks learn, forecast in our shape, keep their promises and come back from their files alike."""

from __future__ import annotations

import numpy as np

from jobs.demand import networks
from jobs.demand.networks import NetworkParams, Networks

from .small_shop import long, made, toggled_prices, weekly_campaigns

TINY = NetworkParams(
    series=6, least_series=3, least_days=60, input_days=28, steps=(3, 2), windows=16, batch=4, hidden=8
)


def test_too_little_to_learn_from_is_no_network():
    assert networks.fit(made(long(8)), NetworkParams(), 1) is None


def test_the_sample_is_bounded_and_has_large_and_small_ones():
    shop = made(long(30))
    chosen = networks.sample(shop, TINY)
    assert len(chosen) == 6 and chosen[0] == 0 and chosen[-1] > 15


def test_they_forecast_whole_items_and_come_back_alike(tmp_path):
    shop = made(long(8, 120), 120)
    fitted = networks.fit(shop, TINY, 1)
    for name in networks.NAMES:
        found = fitted.forecast(shop, name)
        assert found.quantiles.shape == (8, 28, 7) and (np.diff(found.quantiles, axis=2) >= 0).all()
        assert np.isfinite(found.mean).all() and not found.mean[:, ~shop.calendar.is_open[-28:]].any()
    fitted.save(tmp_path)
    again = Networks.load(tmp_path).forecast(shop.of(np.array([5, 2])), "tft")
    assert np.allclose(again.quantiles, fitted.forecast(shop, "tft").quantiles[[5, 2]], atol=1e-4)


def test_a_gpu_is_used_where_there_is_one_and_files_do_not_ask_for_what_is_not_here(tmp_path, monkeypatch):
    fitted = networks.fit(made(long(8, 120), 120), TINY, 1)
    here = networks.trainer()
    for model in fitted.fitted.models:
        assert {name: model.trainer_kwargs[name] for name in here} == here
        model.trainer_kwargs["accelerator"] = model.hparams["accelerator"] = "elsewhere"
    fitted.save(tmp_path)
    for model in Networks.load(tmp_path).fitted.models:
        assert {name: model.trainer_kwargs[name] for name in here} == here
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert networks.trainer() == {"accelerator": "gpu", "devices": 1}


def test_they_learn_of_promotions_told_a_horizon_ahead():
    def forecast(told: int | None) -> np.ndarray:
        shop = made(long(8, 120), 120, campaigns=None if told is None else weekly_campaigns(told, 120))
        return networks.fit(shop, TINY, 1).forecast(shop, "nhits").quantiles

    without = forecast(None)
    assert (forecast(told=-20) == without).all() and (forecast(told=-40) != without).any()


def test_they_learn_of_prices_planned_a_horizon_ahead_and_ask_for_none_where_there_were_none(tmp_path):
    def fitted(told: int | None):
        shop = made(long(8, 120), 120, prices=None if told is None else toggled_prices(8, told, 120))
        return shop, networks.fit(shop, TINY, 1)

    (plain, without), (_, late), (shop, found) = fitted(None), fitted(0), fitted(-40)
    expected = without.forecast(plain, "nhits").quantiles
    assert (late.forecast(plain, "nhits").quantiles == expected).all()
    assert (found.forecast(shop, "nhits").quantiles != expected).any()
    # A network from before there were plans forecasts a shop that has some, and one from after it as before its files.
    assert (without.forecast(shop, "nhits").quantiles == expected).all()
    found.save(tmp_path)
    for name in networks.NAMES:
        again = Networks.load(tmp_path).forecast(shop, name)
        assert np.allclose(again.quantiles, found.forecast(shop, name).quantiles, atol=1e-4)
