"""A store's guardrails: what a file says, what it may not say, and which two lines contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.lib.errors import DaybreakError
from jobs.pricing import guardrails_file
from jobs.pricing.guardrails import Guardrails

WHOLE = """\
objective: profit
margin_floor: 0.1
largest_step_up: 0.12
largest_step_down: 0.12
largest_move: {share: 0.3, days: 60}
endings: [0.99, 0.49]
max_changes: 200
competitors: {low: 0.9, high: 1.1, stale_days: 7}
frozen_items: [gift, 77]
price_lines:
  jam: [strawberry, cherry]
rules:
  - category: Kitchen
    margin_floor: 0.2
  - category: Kitchen > Mugs
    competitors: {high: 1.3}
    largest_move: {share: 0.2}
  - item: mug
    largest_step_up: 0.02
exploration: {share: 0.05}
markdown: {longest_weeks: 8, levels: [1, 0.7, 0.5]}
"""


def load(folder: Path, named: str | None = None, currency: str = "EUR") -> Guardrails:
    return guardrails_file.load(folder, named, currency)


def written(folder: Path, text: str) -> Path:
    (folder / "guardrails.yml").write_text(text)
    return folder


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path) == Guardrails()
    # A currency without fractions has whole prices, unless the file says otherwise.
    assert load(tmp_path, currency="JPY").store.smallest_unit == 1
    assert load(written(tmp_path, "smallest_unit: 10"), currency="JPY").store.smallest_unit == 10


def test_the_deepest_rule_counts_and_takes_the_rest_from_those_above_it(tmp_path: Path) -> None:
    found = load(written(tmp_path, WHOLE.replace("largest_step_up: 0.02", "largest_step_up: 0.09")))
    assert found.of("pan", "Kitchen > Pans").margin_floor == 0.2
    mug = found.of("cup", "Kitchen > Mugs > Enamel")
    assert (mug.margin_floor, mug.competitor_low, mug.competitor_high) == (0.2, 0.9, 1.3)
    own = found.of("mug", "Kitchen > Mugs")
    assert (own.largest_step_up, own.margin_floor, own.competitor_high, own.largest_move) == (0.09, 0.2, 1.3, 0.2)
    assert found.of("mug", None).margin_floor == 0.1
    assert found.of("pen", None).margin_floor == 0.1
    assert (mug.largest_move, found.of("pen", None).largest_move, found.move_days) == (0.2, 0.3, 60)
    assert found.of("77", "Kitchen").is_frozen and found.of("77", "Kitchen").margin_floor == 0.2
    assert not found.of("pen", "Desk").is_frozen
    assert found.price_lines == {"strawberry": "jam", "cherry": "jam"}
    assert (found.competitors.stale_days, found.exploration.share, found.clearance.levels) == (7, 0.05, (1, 0.7, 0.5))


@pytest.mark.parametrize(
    ("text", "lines", "words"),
    [
        ("lowest_price: 5\nhighest_price: 3", (1, 2), "lowest_price 5 contradicts highest_price 3"),
        ("competitors:\n  low: 1.2\n  high: 0.9", (2, 3), "competitors.low 1.2 contradicts competitors.high 0.9"),
        ("largest_step_up: 0.01\nsmallest_step: 0.02", (1, 2), "no step is large enough and small enough"),
        ("largest_step_down: 0.05\nexploration:\n  share: 0.1\n  step: 0.08", (1, 4), "further than a price may"),
        ("smallest_step: 0.09\nexploration:\n  share: 0.1\n  step: 0.08", (1, 4), "less than a change must"),
        ("max_changes: 0\nexploration:\n  share: 0.1", (1, 3), "cannot explore"),
        ("max_changes: 9\nexploration:\n  share: 0.1", (1, 3), "that share of a night's changes is none"),
        ("endings: [0.99]\nlowest_price: 1.0\nhighest_price: 1.5", (1, 3), "no price from 1 to 1.5 ends so"),
        ("frozen_items:\n  - a\n  - b\nrules:\n  - item: b\n    margin_floor: 0.2", (3, 5), "which is frozen"),
        ("rules:\n  - category: X\n  - category: X", (2, 3), "both set rules for the category 'X'"),
        ("price_lines:\n  jam: [a, b]\n  tea: [b]", (2, 3), "both price lines hold the item 'b'"),
        ("highest_price: 3\nrules:\n  - category: X\n    lowest_price: 4", (1, 4), "contradicts highest_price 3"),
        (
            "rules:\n  - category: X > Y\n    highest_price: 3\n  - category: X\n    lowest_price: 4",
            (3, 5),
            "contradicts rules[0].highest_price 3",
        ),
        ("markdown:\n  levels: [1, 0.5]\n  salvage: 0.6", (2, 3), "worth more than the lowest price"),
    ],
)
def test_two_lines_that_contradict_each_other_are_both_named(tmp_path: Path, text: str, lines, words: str) -> None:
    with pytest.raises(DaybreakError) as refused:
        load(written(tmp_path, text + "\n"))
    file = tmp_path / "guardrails.yml"
    assert str(refused.value).startswith(f"{file}:{lines[0]} and {file}:{lines[1]}: ") and words in str(refused.value)


def test_a_contradiction_of_a_default_names_the_line_and_the_default(tmp_path: Path) -> None:
    with pytest.raises(
        DaybreakError, match=r"yml:1: smallest_step 0\.2 contradicts largest_step_up 0\.1 \(the default"
    ):
        load(written(tmp_path, "smallest_step: 0.2\n"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("margin_flor: 0.1", r"yml:1: margin_flor: unknown key; did you mean 'margin_floor'"),
        ("\nmargin_floor: 2", r"yml:2: margin_floor: expected a number of -1 to 0.95, found 2"),
        ("endings: [99]", r"yml:1: endings: expected the parts of a price below one"),
        ("rules:\n  - margin_floor: 0.1", r"yml:2: rules\[0\]: expected either category or item"),
        ("rules:\n  - item: a\n    largest_move: {days: 3}", r"yml:3: rules\[0\].largest_move.days: unknown key"),
        ("max_changes: 2.5", r"yml:1: max_changes: expected a whole number"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(DaybreakError, match=problem):
        load(written(tmp_path, text + "\n"))


def test_the_documents_example_is_a_file_that_loads(tmp_path: Path) -> None:
    example = (Path(__file__).parents[3] / "docs" / "guardrails.md").read_text().split("```yaml\n")[1].split("```")[0]
    found = load(written(tmp_path, example))
    mug = found.of("mug-7", "Kitchen > Mugs")
    assert (mug.margin_floor, mug.largest_step_up, mug.largest_move) == (0.2, 0.08, 0.1)


def test_a_file_of_its_own_may_be_named_and_must_then_be_there(tmp_path: Path) -> None:
    other = tmp_path / "other.yml"
    other.write_text("max_changes: 3\n")
    assert load(tmp_path, str(other)).max_changes == 3
    with pytest.raises(DaybreakError, match="there is no such file"):
        load(tmp_path, str(tmp_path / "none.yml"))
