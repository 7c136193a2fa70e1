"""The protocol: cuts, gates, baselines for short histories, the same model from any order of rows and threads."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from jobs.lib import stages
from jobs.lib.errors import DaybreakError
from jobs.lib.stores import Known, Source
from jobs.recommendations import baselines, gates
from jobs.recommendations import train as training
from jobs.recommendations.fitting import SPLITS
from jobs.recommendations.learning import Cut, window
from jobs.recommendations.model import Gate, Model
from jobs.recommendations.ranker import RankerParams
from jobs.recommendations.train import TrainParams, are_events_there, cut_days
from tests.conftest import settings_of
from tests.jobs.validated.shop import ITEMS, Shop, line

from . import small_shop

AS_OF = small_shop.FIRST_DAY + timedelta(days=299)
SMALL = TrainParams(
    min_buyers=10,
    rankers=dict.fromkeys(SPLITS, RankerParams(rounds=25, trees={"max_depth": 3, "eta": 0.2, "min_child_weight": 5})),
)


@pytest.fixture(scope="module")
def lines():
    return small_shop.orders()


@pytest.fixture(scope="module")
def trained(lines):
    return training.train(lambda day: small_shop.cut(lines, day), AS_OF, small_shop.FIRST_DAY, SMALL, threads=2)


def files_of(model: Model, folder: Path) -> dict[str, str]:
    model.save(folder)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_windows_of_all_cuts_have_closed_by_the_night():
    days = cut_days(AS_OF, small_shop.FIRST_DAY, TrainParams())
    assert days[0] == AS_OF - timedelta(days=28) and len(days) == 6
    assert all(day + timedelta(days=28) <= AS_OF for day in days)
    assert cut_days(AS_OF, None, TrainParams()) == []
    assert len(cut_days(date(2025, 4, 1), small_shop.FIRST_DAY, TrainParams())) == 2


def test_a_window_is_whole_while_its_first_day_has_its_events():
    cut = date(2026, 4, 12)
    assert are_events_there(None, cut) and are_events_there(date(2026, 4, 13), cut)
    assert not are_events_there(date(2026, 4, 14), cut)


def test_a_model_comes_with_a_gate_in_words_for_each_split(trained):
    assert set(trained.model.gates) == set(gates.SPLITS)
    for gate in trained.model.gates.values():
        assert "28 days after" in gate.reason
        figures = {name: measures["ndcg@10"] for name, measures in trained.figures[gate.split].items()}
        if figures:
            assert gate.ours == pytest.approx(figures["model"], abs=1e-6)
            assert gate.baseline == pytest.approx(max(figures[name] for name in figures if name != "model"), abs=1e-6)
            assert (gate.publishes == "model") == (gate.chance >= gates.CHANCE)
    assert trained.model.publishes("personal")


def test_figures_stand_beside_those_of_baselines(trained):
    assert set(trained.figures["all"]) == {"model", *baselines.BASELINES} - {"dueness"}
    assert set(trained.figures["again"]) == {"model", "frequency", "dueness"}
    assert trained.figures["all"]["frequency"]["ndcg@10"] > trained.figures["all"]["popularity"]["ndcg@10"]


def test_one_thread_and_mixed_rows_give_the_same_bytes(lines, trained, tmp_path):
    def mixed(day: date) -> Cut:
        found = small_shop.cut(lines, day)
        return replace(
            found,
            items=found.items.sample(frac=1, random_state=1),
            sample=found.sample.sample(frac=1, random_state=2),
            pairs=found.pairs.sample(frac=1, random_state=3),
            truth=found.truth.sample(frac=1, random_state=4),
        )

    again = training.train(mixed, AS_OF, small_shop.FIRST_DAY, SMALL, threads=1)
    pd.testing.assert_frame_equal(again.evaluation, trained.evaluation)
    assert files_of(again.model, tmp_path / "again") == files_of(trained.model, tmp_path / "first")


def test_saved_and_loaded_it_scores_alike(lines, trained, tmp_path):
    trained.model.save(tmp_path)
    loaded = Model.load(tmp_path)
    found = window(small_shop.cut(lines, AS_OF - timedelta(days=28))).found
    for split in ("all", "discovery"):
        ours = trained.model.model_score(split, found.features, found.row)
        assert (loaded.model_score(split, found.features, found.row) == ours).all()
    assert loaded.gates == trained.model.gates


def test_a_model_with_the_gates_of_an_older_daybreak_publishes_as_it_did(trained, tmp_path):
    trained.model.save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    said = vars(Gate("all", "BM25", "because"))
    about["gates"] = {"all": said, "discovery": said | {"publishes": "model"}, "cold": said}
    (tmp_path / "model.json").write_text(json.dumps(about))
    found = Model.load(tmp_path)
    assert set(gates.SPLITS) <= set(found.gates)
    assert [split for split in gates.SPLITS if found.publishes(split)] == ["discovery"]


@pytest.mark.parametrize("days_of_history", [0, 40, 100])
def test_a_short_history_publishes_baselines_and_says_so(lines, days_of_history, tmp_path):
    as_of = small_shop.FIRST_DAY + timedelta(days=days_of_history)
    found = training.train(lambda day: small_shop.cut(lines, day), as_of, small_shop.FIRST_DAY, SMALL, threads=1)
    assert not any(found.model.publishes(split) for split in gates.SPLITS)
    assert "history too short" in found.model.gates["personal"].reason
    assert files_of(found.model, tmp_path) and Model.load(tmp_path).gates == found.model.gates


def test_the_protocol_takes_what_a_store_chose(tmp_path):
    shop = SimpleNamespace(country=None, period="day", mappings={"items": None})
    plain = training.params_of(settings_of(tmp_path), shop)
    assert plain == TrainParams(exploration_share=0.05) and plain.cost_budget is None and not plain.fairness.power
    chosen = {"DAYBREAK_COST_BUDGET": "12.5", "DAYBREAK_GROUP_COLUMN": "segment", "DAYBREAK_GROUP_WEIGHT": "0.5"}
    chosen |= {"DAYBREAK_FAIRNESS_THRESHOLD": "0.9", "DAYBREAK_EXPLORATION_SHARE": "0.2"}
    found = training.params_of(settings_of(tmp_path, **chosen), shop)
    assert (found.cost_budget, vars(found.fairness)) == (12.5, {"threshold": 0.9, "column": "segment", "power": 0.5})
    assert found.exploration_share == 0.2
    bare = SimpleNamespace(country="GB", period="day", mappings={"order_lines": None})
    small = training.params_of(settings_of(tmp_path, DAYBREAK_ITEM_MEMORY="0.25"), bare)
    assert small.catalogue.item_item.memory == 2**28 and small.catalogue.home_country == "GB"
    assert small.catalogue.embeddings.memory == 2**28
    assert plain.catalogue.tells_what_is_gone and not small.catalogue.tells_what_is_gone
    with pytest.raises(DaybreakError, match="DAYBREAK_GROUP_COLUMN is 'name': expected one of country"):
        settings_of(tmp_path, DAYBREAK_GROUP_COLUMN="name")


def test_a_month_in_which_few_bought_is_passed_over_and_older_ones_teach(lines):
    quiet = AS_OF - timedelta(days=56)

    def cut_at(day: date) -> Cut:
        found = small_shop.cut(lines, day)
        few = set(found.truth["customer_id"].unique()[:2])
        kept = found.truth[found.truth["customer_id"].isin(few)] if day == quiet else found.truth
        return replace(found, truth=kept.reset_index(drop=True))

    found = training.train(cut_at, AS_OF, small_shop.FIRST_DAY, SMALL, threads=2)
    assert found.model.rankers and found.evaluation["cut_date"].max() == AS_OF - timedelta(days=28)
    assert quiet not in set(found.evaluation["cut_date"])


def test_a_shop_in_which_all_only_buy_again_is_learnt_from(lines):
    def cut_at(day: date) -> Cut:
        found = small_shop.cut(lines, day)
        own = found.pairs.loc[found.pairs["orders"] > 0, ["customer_id", "item_id"]]
        return replace(found, truth=found.truth.merge(own))

    found = training.train(cut_at, AS_OF, small_shop.FIRST_DAY, SMALL, threads=2)
    assert not found.model.publishes("discovery") and "nobody to measure on" in found.model.gates["discovery"].reason


def test_a_catalogue_and_consents_kept_since_lately_leave_older_cuts_to_learn_from(spark, tmp_path):
    """Both first came with tonight's export: four weeks ago all that sold was on sale, and who agrees tonight is learnt
    from. Tonight itself silence is no consent, and what the catalogue does not list is gone."""
    shop = Shop(spark, settings_of(tmp_path / "home"), tmp_path / "shop")
    asked = "SELECT who AS customer_id, 'personalisation' AS purpose, said AS is_granted, _file, _file_version, _row,"
    shop.mapping("consents", f"{asked} _known_day FROM answers")
    shop.mapping("items", ITEMS)
    known = Known("name", pattern=r"(\d{4}-\d{2}-\d{2})")
    shop.sources["answers"] = Source("answers", "answers-*.csv", "csv", known, columns=("who", "said"))
    people, days = ("ann", "bob", "cyd"), ("2026-02-02", "2026-03-30")
    bought = {
        day: [line(f"{day}-{who}-{item}", day=day, customer=who, item=item) for who in people for item in "AB"]
        for day in days
    }
    shop.deliver_all("sales", bought)
    shop.deliver("catalogue", "2026-04-13", [("A", "Lamp", 1.5)])
    shop.deliver("answers", "2026-04-13", [("ann", "true"), ("bob", "false")])
    shop.validate("2026-04-13")
    tonight = shop.night("2026-04-13")
    stages.build(replace(tonight, stage="features"), ["item", "customer", "customer_item"])
    cut = training._cut(tonight, tonight.as_of - timedelta(days=28), TrainParams())
    assert dict(zip(cut.items["item_id"], cut.items["is_active"], strict=True)) == {"A": True, "B": True}
    assert set(cut.sample["customer_id"]) == set(cut.pairs["customer_id"]) == {"ann"}
    assert set(cut.truth["customer_id"]) == set(people)
    now = {name: tonight.tables.read(f"features.{name}", tonight.as_of).collect() for name in ("item", "customer")}
    assert {row["item_id"]: row["is_active"] for row in now["item"]} == {"A": True, "B": False}
    assert {row["customer_id"] for row in now["customer"] if row["is_personal_allowed"]} == {"ann"}
