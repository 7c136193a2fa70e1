"""The five kinds of item that are forecast by different means: dense, sparse, new, seasonal, ended."""

from __future__ import annotations

import numpy as np

from jobs.demand.history import History

NEW_DAYS = 28
RATE_DAYS = 56
ENDED_DAYS = 84
SPARSE_DAYS_A_WEEK = 1.0
SEGMENTS = ("dense", "sparse", "new", "seasonal", "ended")


def segments(history: History) -> np.ndarray:
    """The segment of each item: ``ended`` (taken out of the range, or no sale in 84 days), ``seasonal`` (idle as long,
    but a year before the days to come it sold), ``new`` (on sale for less than 28 days), ``sparse`` (fewer than one day
    with a sale a week over its last 56 days), else ``dense``. A week of sums counts as one such day where a period is a
    week."""
    calendar, past = history.calendar, history.calendar.past
    age, idle = past - history.first, past - 1 - history.last
    recent = history.observed[:, -calendar.periods(RATE_DAYS) :]
    sold = ((history.units[:, -calendar.periods(RATE_DAYS) :] > 0) & recent).sum(axis=1)
    seen_weeks = np.minimum(age, calendar.periods(RATE_DAYS)) * calendar.period / 7
    rate = np.divide(sold, seen_weeks, out=np.zeros(len(history)), where=seen_weeks > 0)
    # A week with a sale says less than a day with one: weekly sums are sparse from every other week down.
    limit = SPARSE_DAYS_A_WEEK if calendar.period == 1 else SPARSE_DAYS_A_WEEK / 2
    found = np.where(rate < limit, "sparse", "dense").astype(object)
    found[age < calendar.periods(NEW_DAYS)] = "new"
    # Stock that is gone is not an end: only days on which the item could have sold count.
    long_idle = idle >= calendar.periods(ENDED_DAYS)
    could = history.observed[:, -calendar.periods(ENDED_DAYS) :].any(axis=1)
    is_idle = long_idle & could & (age >= calendar.periods(ENDED_DAYS))
    found[is_idle] = "ended"
    if history.knows_last_year:
        season = history.units[:, past - calendar.year : past - calendar.year + calendar.horizon]
        found[is_idle & (season > 0).any(axis=1)] = "seasonal"
    found[history.ended] = "ended"
    return found
