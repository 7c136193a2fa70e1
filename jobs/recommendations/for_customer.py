"""The lists of each customer with a history: ``home`` (anything), ``buy_again`` and ``discover``, twenty places each.

Read by the shop; a customer without a list is served ``for_newcomer``.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib import shared
from jobs.lib.registry import Champion
from jobs.lib.settings import Settings
from jobs.lib.stores import Store
from jobs.recommendations import basket, catalogue, frames, rerank
from jobs.recommendations.model import Model
from jobs.recommendations.rerank import Exploration, Reranker
from jobs.recommendations.score import Control, Scorer

SCHEMA = (
    "customer_id string, variant string, placement string, rank int, item_id string, score double, source string, "
    "reason string, propensity double"
)


def for_customer(
    customer_item: DataFrame,
    item: DataFrame,
    customer: DataFrame,
    order_lines: DataFrame,
    as_of: date,
    store: Store,
    champion: Champion,
    settings: Settings,
) -> DataFrame:
    """One row a place. The item side is fitted on a bounded sample of customers; blocks of customers are spread by a
    hash of their ids, and no result depends on how they were cut."""
    pairs = frames.pair_rows(customer_item, customer, as_of)
    fitting = catalogue.params_of(settings, store)
    held = basket.baskets(order_lines, as_of, fitting.baskets)
    items = catalogue.fit(frames.item_rows(item, as_of), frames.sampled(pairs), fitting, held)
    control = Control(settings.control_share, settings.control_salt)
    exploration = Exploration(settings.exploration_share, settings.control_salt, as_of)
    reranker = Reranker(rerank.params_of(settings), exploration)
    scorer = Scorer(items.of_people(), Model.load(champion.path), control, reranker=reranker)
    # A stated number of partitions: adaptive execution would put a small store's customers on one core.
    spread = pairs.repartition(settings.shuffle_partitions, "customer_id").sortWithinPartitions("customer_id")
    blocks = shared.blocks(item.sparkSession, settings, scorer)
    return spread.mapInPandas(blocks, SCHEMA).withColumn("model_version", F.lit(champion.version))
