"""What a store's tables switch on, and what happens without them, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs.lib.stores import Store

# (table, column or None for the whole table, what having it switches on, what happens without it)
SWITCHES: tuple[tuple[str, str | None, str, str], ...] = (
    ("order_lines", "customer_id", "personal lists", "no personal lists: related items and lists for newcomers alone"),
    (
        "order_lines",
        "location_id",
        "forecasts and orders by shop or warehouse too",
        "forecasts of the store as a whole",
    ),
    ("events", None, "views and carts count as interest", "recommendations from purchases"),
    ("items", "title", "items with similar texts are related", "new items wait for their first orders"),
    ("items", "category", "trends and lists by category", "no lists by category"),
    ("customers", None, "lists for newcomers by segment", "lists for newcomers by the country of orders, or for all"),
    ("consents", None, "who refused personal lists gets none", "everybody counts as having consented"),
    ("stock_levels", None, "what is sold out is not recommended", "forecasts but no reorder advice"),
    ("suppliers", None, "orders by the suppliers' lead times and packs", "orders by assumed terms, named in each row"),
    (
        "inbound",
        None,
        "what is on its way counts",
        "every order counts as received: what is on its way is ordered twice",
    ),
    ("returns", None, "what comes back is told beside what was sold", "units sold are known gross alone"),
    ("items", "cost", "decisions by profit", "decisions by revenue rather than profit"),
    (
        "prices",
        None,
        "prices with their days, forecasts know those announced",
        "prices as last sold: how far and how often they moved is known of approved changes alone",
    ),
    ("promotions", None, "promotions are told from trends", "promotions look like trends"),
    ("competitor_prices", None, "prices keep to a band around competitors", "no band around competitors"),
    ("contract_prices", None, "agreed prices are told from list prices", "every line counts as sold at the list price"),
    (
        "price_approvals",
        None,
        "what was decided on prices is known the next night",
        "prices as the store's files show them",
    ),
    (
        "items",
        "clear_by",
        "stock is planned to be gone by its day",
        "plans for too much stock and discontinued items alone",
    ),
)

# Where else a store may say the same.
ELSEWHERE = {("items", "cost"): ("prices", "cost")}


@dataclass(frozen=True)
class Switch:
    """A table, or a column of one, whether the store has it, and what that means."""

    name: str
    is_on: bool
    words: str


def switches(store: Store, has: Callable[[str, str | None], bool]) -> list[Switch]:
    """All of them; ``has`` says of a table that the store maps whether its mapping gives a column (None: any)."""

    def is_given(table: str, column: str | None) -> bool:
        return table in store.mappings and has(table, column)

    found = []
    for table, column, with_it, without in SWITCHES:
        other = ELSEWHERE.get((table, column or ""))
        is_on = is_given(table, column) or (other is not None and is_given(*other))
        found.append(Switch(f"{table}.{column}" if column else table, is_on, with_it if is_on else without))
    if store.period == "week":
        found.append(Switch("personal lists", False, "weekly sums have no customers"))
    return found


def lacking(store: Store) -> list[str]:
    """What is off, a line each, by what the mappings' texts mention."""
    from jobs.lib import mappings  # brings Spark with it, which a command for Airflow else does without

    def has(table: str, column: str | None) -> bool:
        return column is None or bool(mappings.mentioned(store.mappings[table], [column]))

    return [f"without {one.name}: {one.words}" for one in switches(store, has) if not one.is_on]
