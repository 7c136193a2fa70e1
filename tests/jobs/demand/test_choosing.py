"""The gate by hand: who may try, who passes, and what the sentence says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from jobs.demand import choosing

ITEMS = 40
COUNTS = ("sold", "total_sold", "seen", "scaled", "excess", "inside", "above")


def figures(loss: np.ndarray | float) -> pd.DataFrame:
    """Figures of items that each missed by so much."""
    missed = np.broadcast_to(loss, ITEMS).astype(float)
    names = ("error", "mean_error", "total_error", "scaled_error", "scaled_pinball", "total_pinball")
    return pd.DataFrame({**dict.fromkeys(COUNTS, np.ones(ITEMS)), **dict.fromkeys(names, missed)})


def case(past: int, **losses: np.ndarray | float) -> SimpleNamespace:
    days = np.datetime64("2011-01-01") + np.arange(past + 28)
    then = SimpleNamespace(calendar=SimpleNamespace(days=days))
    true = SimpleNamespace(units=np.zeros((ITEMS, 28)))
    made = {name: figures(loss) for name, loss in {"weekday": 1.0, **losses}.items()}
    return SimpleNamespace(past=past, segment="dense", then=then, true=true, figures=made)


def gate(newest: dict, older: dict) -> choosing.Gate:
    return choosing.chosen([case(100, **newest), case(72, **older)])["dense"]  # type: ignore[list-item]


SWINGING = np.where(np.arange(ITEMS) % 2, 0.1, 1.7)  # better on average, and by chance


def test_one_ahead_by_chance_does_not_keep_out_another_that_surely_is() -> None:
    found = gate({"boosted": SWINGING, "ewq": 0.8}, {"boosted": 0.5, "ewq": 0.8})
    assert (
        found.serves == "ewq" and found.has_passed and found.reason.startswith("pinball of ewq beats that of weekday")
    )


def test_the_best_of_the_older_origins_comes_first() -> None:
    assert gate({"boosted": 0.9, "ewq": 0.8}, {"boosted": 0.5, "ewq": 0.8}).serves == "boosted"


def test_one_model_alone_must_be_a_hundredth_better_than_an_average() -> None:
    for alone, served in ((0.795, "ewq+boosted"), (0.785, "ewq")):
        losses = {"ewq": alone, "ewq+boosted": 0.8}
        assert gate(losses, losses).serves == served
    # It need not be that much better than the baseline, and counts for no average that does not beat it.
    assert gate({"ewq": 0.995}, {"ewq": 0.995}).serves == "ewq"
    assert gate({"ewq": 1.1, "ewq+boosted": 1.2}, {"ewq": 0.9, "ewq+boosted": 0.8}).serves == "weekday"


def test_at_most_three_try() -> None:
    swinging = dict.fromkeys(("a", "b", "c"), SWINGING)
    found = gate({**swinging, "ewq": 0.8}, {"a": 0.5, "b": 0.5, "c": 0.5, "ewq": 0.9})
    assert found.serves == "weekday" and "pinball of a does not beat that of weekday" in found.reason


def test_who_was_worse_before_does_not_try() -> None:
    found = gate({"ewq": 0.5}, {"ewq": 1.1})
    assert found.serves == "weekday" and "nothing did better on earlier origins" in found.reason


def test_good_quantiles_do_not_let_out_a_mean_that_one_order_has_blown_up() -> None:
    def newest(**losses: float) -> SimpleNamespace:
        found = case(100, **losses)
        found.figures["ewq"]["total_error"] = 3.0
        return found

    older = case(72, ewq=0.5, launches=0.9)
    found = choosing.chosen([newest(ewq=0.8, launches=0.9), older])["dense"]  # type: ignore[list-item]
    assert found.serves == "launches" and found.has_passed
    alone = choosing.chosen([newest(ewq=0.8), case(72, ewq=0.5)])["dense"]  # type: ignore[list-item]
    assert alone.serves == "weekday" and "together do not (ratio 1.533)" in alone.reason


def test_items_too_young_for_a_scale_count_in_the_gate() -> None:
    ours, theirs = figures(0.9), figures(1.0)
    ours.loc[:9, "total_pinball"] = 9.0
    for each in (ours, theirs):
        each.loc[:9, ["scaled", "scaled_pinball"]] = np.nan
    assert choosing.against(ours, theirs, 1).value > 1.0
