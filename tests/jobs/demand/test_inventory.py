"""The game of policies: costs worked out by hand, and on demand whose law is known who wins."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.demand import inventory
from jobs.demand.inventory import Setting

SHARES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
TWO_DAYS = Setting(lead_days=2)


def test_costs_by_hand() -> None:
    actual = np.array([[1.0, 1, 4, 0, 2]])
    # Two on the shelf and ordered up to three: gone after two days, then what was ordered each morning arrives.
    cost = inventory.cost_of(np.array([3.0]), actual, np.array([2.0]), TWO_DAYS)
    # Orders 1, 1, 1, 1, 0: the third day sells 1 of 4, the fourth holds 1, the fifth sells it and 1 more.
    assert cost.tolist() == [9 * 3 + 1 + 0]
    assert inventory.per_unit(cost, actual, TWO_DAYS) == pytest.approx(28 / 6)
    assert np.isnan(inventory.per_unit(cost, actual * 0, TWO_DAYS))
    # Told of the busy day, it orders up to six for it in time: all is sold then, and two are lost on the last day.
    told = inventory.cost_of(np.array([[6.0, 3, 3, 3, 3]]), actual, np.array([2.0]), TWO_DAYS)
    assert told.tolist() == [9 * 2]


def test_foresight_pays_only_for_what_it_began_with() -> None:
    actual = np.array([[1.0, 1, 4, 0, 2]])
    assert inventory.foresight_cost(actual, np.array([2.0]), TWO_DAYS).tolist() == [0]
    assert inventory.foresight_cost(actual, np.array([7.0]), TWO_DAYS).tolist() == [1 + 1 + 0]


def test_policies_are_compared_item_by_item_from_the_same_start() -> None:
    past, actual = np.tile([[1.0], [0.0]], (1, 28)), np.array([[1.0, 1, 4, 0, 2], [0, 0, 0, 0, 0]])
    found = inventory.compared(past, actual, np.tile([[3.0], [0.0]], (1, 5)), TWO_DAYS)
    # Three are there to begin with, one a day for two days and a day: the usual level too, as every day was alike.
    assert inventory.start(past, TWO_DAYS).tolist() == [3, 0]
    assert found[inventory.OURS].tolist() == found[inventory.USUAL].tolist() == [9 * 3 + 1, 0]
    assert found[inventory.FORESIGHT].tolist() == [0, 0] and found["demanded"].tolist() == [6, 0]


def world(items: int = 120, days: int = 140, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units [items, days] by a negative binomial law, busy and slow items; the law's quantiles and means."""
    random = np.random.default_rng(seed)
    mean = random.lognormal(0.8, 1.0, items)
    units = random.poisson(random.gamma(0.6, 1 / 0.6, (items, days)) * mean[:, None]).astype(float)
    many = random.poisson(random.gamma(0.6, 1 / 0.6, (items, 20_000)) * mean[:, None])
    quantiles = np.quantile(many, SHARES, axis=1).T
    return units, np.tile(quantiles[:, None, :], (1, 28, 1)), np.tile(mean[:, None], (1, 28))


@pytest.mark.parametrize("penalty", [9.0, 49.0])
def test_levels_from_paths_beat_the_usual_ones_and_come_near_the_best_levels(penalty: float) -> None:
    units, quantiles, means = world()
    past, actual = units[:, :-28], units[:, -28:]
    setting = Setting(penalty=penalty)
    on_hand = inventory.start(past, setting)
    ours, _ = inventory.path_levels(quantiles, means, SHARES, setting, np.arange(len(units), dtype=np.uint64))

    def cost(levels: np.ndarray) -> float:
        return inventory.per_unit(inventory.cost_of(levels, actual, on_hand, setting), actual, setting)

    usual = {z: cost(inventory.mean_sigma_levels(past, z, setting)) for z in (1.28, 2.05)}
    # The oracle keeps the level that will have cost least, item by item: nobody can who does not know the days to come.
    tried = ours[:, :1] * np.linspace(0.3, 2.5, 45) + np.arange(45) / 10
    each = np.stack([inventory.cost_of(one, actual, on_hand, setting) for one in tried.T])
    oracle = inventory.per_unit(each.min(axis=0), actual, setting)
    foresight = inventory.per_unit(inventory.foresight_cost(actual, on_hand, setting), actual, setting)
    assert cost(ours) < min(usual.values())
    assert foresight < oracle < cost(ours) < 2.2 * oracle


def test_the_usual_policy_is_tuned_on_what_was_before() -> None:
    units, _, _ = world(60)
    windows = [(units[:, :end], units[:, end : end + 28]) for end in (56, 84)]
    found = inventory.tuned([one for one, _ in windows], [then for _, then in windows], Setting())
    costs = {
        z: sum(
            inventory.per_unit(
                inventory.cost_of(
                    inventory.mean_sigma_levels(past, z, Setting()), then, inventory.start(past, Setting()), Setting()
                ),
                then,
                Setting(),
            )
            for past, then in windows
        )
        for z in (found, 1.28, -1.0)
    }
    assert costs[found] == min(costs.values())
