"""``python -m jobs check``: a store's folder tried in a minute, on the first rows of its newest files. Writes nothing.

Says what a night would find: the files, their columns, each mapping's columns, rows that would be quarantined with one
example a rule (never a value that may be personal), and what the store's tables switch on and off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.landed import files as listing
from jobs.landed import landing
from jobs.landed.sample import Sample, newest, sample
from jobs.landed.streams import Refused
from jobs.lib import contracts, mappings, marked, stores, switches
from jobs.lib.contracts import Contract
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import Object, ObjectStore
from jobs.lib.settings import Settings
from jobs.lib.spark import session
from jobs.lib.stores import Source, Store
from jobs.pricing import guardrails_file
from jobs.validated.judgement import judged

MOST_SHOWN = 12


def run(settings: Settings) -> int:
    """Prints what was found; 0 when the store can be run, 1 when something must be mended first."""
    store = stores.load(settings)
    print(f"store {store.name} in {marked.shown(store.folder)}: {store.currency}, {store.timezone}, by {store.period}")
    problems: list[str] = []
    samples = _files(store, settings, problems)
    spark = session(settings, f"daybreak check {store.name}")
    views = _views(spark, store, samples)
    mapped = {}
    for table in sorted(store.mappings, key=lambda name: (name != "order_lines", name)):
        try:
            mapped[table] = _mapping(spark, store, table, views, problems)
        except DaybreakError as error:
            problems.append(str(error))
            print(f"\n{table}.sql\n  PROBLEM {error}")
    _unread_columns(store, samples)
    _guardrails(spark, store, settings, views, mapped.get("items", set()), problems)
    _switches(store, mapped)
    print(f"\n{len(problems)} problem{'s' * (len(problems) != 1)} to mend" if problems else "\nready to run")
    return 1 if problems else 0


def _files(store: Store, settings: Settings, problems: list[str]) -> dict[str, Sample]:
    """Says what lies in the landing place, a source a paragraph; a sample of each source that has files."""
    place = listing.landing_place(store, settings)
    settle = timedelta(seconds=settings.settle_seconds)
    found = listing.listed(place, store.sources, datetime.now(UTC), settle)
    print(f"\nfiles in {place.root}")
    samples = {}
    for name, source in store.sources.items():
        files = found.files[name]
        print(f"  {name}: {_summary(source, files)}")
        if files:
            samples[name] = _sampled(place, source, files, problems)
    if found.unsettled:
        print(f"  {len(found.unsettled)} still being written, such as {found.unsettled[0].key}")
    if found.strangers:
        print(f"  {len(found.strangers)} that no source of store.yml names, such as {found.strangers[0]}")
    return samples


def _summary(source: Source, files: Sequence[Object]) -> str:
    if not files:
        return f"none found ({source.where})"
    size = sum(file.size for file in files) / 1e6
    days = []
    for file in files:
        try:
            days.append(listing.day_in(file.key, source.known))
        except Refused:
            continue
    known = sorted(day for day in days if day is not None)
    told = f", {known[0]} to {known[-1]}" if known and source.known.kind == "name" else ""
    unnamed = f", {len(files) - len(days)} whose name tells no day" if len(days) < len(files) else ""
    return f"{len(files):,} files, {size:,.1f} MB{told}{unnamed}"


def _sampled(place: ObjectStore, source: Source, files: Sequence[Object], problems: list[str]) -> Sample:
    found = sample(place, source, files)
    if found.rows is not None:
        print(f"    {newest(source, files)[0].key} has {', '.join(found.columns)}")
    for file, detail in found.problems:
        problems.append(f"{file}: {detail}")
        print(f"    PROBLEM {file}: {detail}")
    if found.cards:
        print(f"    {found.cards} sampled rows hold card numbers and would be refused; columns of ids go under ids")
    return found


def _views(spark: SparkSession, store: Store, samples: Mapping[str, Sample]) -> dict[str, DataFrame]:
    """A view a source as the validated stage gives it: text columns, _file, _file_version, _row, _known_day."""
    views = {}
    today = datetime.now(UTC)
    for name, source in store.sources.items():
        found = samples.get(name)
        if found is not None and found.rows is not None:
            frame = spark.createDataFrame(found.rows)
            dated = landing.dated(frame, source.known, store.timezone, today.date(), None, today)
            views[name] = dated.drop("_received_at")
        elif source.columns:
            columns = ", ".join(f"`{column}` string" for column in source.columns)
            lineage = "_file string, _file_version int, _row long, _known_day date"
            views[name] = spark.createDataFrame([], f"{columns}, {lineage}")
    return views


def _mapping(
    spark: SparkSession, store: Store, table: str, views: Mapping[str, DataFrame], problems: list[str]
) -> set[str]:
    """Tries one mapping on the sample and says what came of it; the contract's columns that it gives."""
    contract = contracts.load(f"validated.{table}")
    path = store.mappings[table]
    silent = [name for name in mappings.mentioned(path, store.sources) if name not in views]
    print(f"\n{table}.sql")
    if silent:
        if table == "order_lines":
            problems.append(f"{table}.sql reads {', '.join(silent)}, of which there are no files")
        print(f"  reads {', '.join(silent)}, of which there are no files: left out until there are")
        return set()
    rows = mappings.run(spark, path, views, mappings.parameters(store, datetime.now(UTC).date()))
    given = {name for name in rows.columns if name in contract.columns}
    own = [column for column in contract.own_columns if column.name not in given]
    print(f"  gives {', '.join(column.name for column in contract.own_columns if column.name in given)}")
    if own:
        print(f"  leaves out {', '.join(column.name for column in own)}")
    try:
        total, broken = _judged(mappings.cast(rows, contract, store), contract, store)
    except PySparkException as error:
        raise DaybreakError(mappings.explained(error, path, views)) from error
    _say_broken(table, total, broken, contract, problems)
    return given


def _judged(cast: DataFrame, contract: Contract, store: Store) -> tuple[Sequence[int], list]:
    """Of the sample: (rows, rows to quarantine), and a row a broken rule: column, rule, severity, rows, an example."""
    rows = judged(cast, contract, store.currency).persist()
    try:
        found = rows.select("_file", "_row", "_is_broken", F.explode(F.concat("_critical", "_told")).alias("one"))
        example = F.struct(F.col("_file").alias("file"), F.col("_row").alias("row"), F.col("one.value").alias("value"))
        counts = found.groupBy("one.column", "one.rule", "one.severity").agg(
            F.count(F.lit(1)).alias("rows"), F.min_by(example, F.struct("_file", "_row")).alias("example")
        )
        total = rows.agg(F.count(F.lit(1)), F.count_if("_is_broken")).first()
        assert total is not None
        return total, sorted(counts.collect(), key=lambda row: (row["severity"], -row["rows"], row["column"] or ""))
    finally:
        rows.unpersist()


def _say_broken(table: str, total: Sequence[int], broken: Sequence, contract: Contract, problems: list[str]) -> None:
    rows, refused = total
    print(f"  {rows:,} sampled rows, {rows - refused:,} good")
    for row in broken[:MOST_SHOWN]:
        column = contract.columns.get(row["column"])
        is_shown = column is not None and column.privacy == "none"
        value = f": {row['example']['value']!r}" if is_shown and row["example"]["value"] is not None else ""
        place = f"{row['example']['file']}, row {row['example']['row']}"
        kind = "quarantined" if row["severity"] == "critical" else "warned of"
        print(f"    {row['rows']:,} {kind}: {row['column']}: {row['rule']}, such as {place}{value}")
    allowed = contract.limits.quarantined_share
    if allowed is not None and refused > rows * allowed:
        share = f"{refused / rows:.0%} of the sampled rows of {table} would be quarantined"
        problems.append(f"{share}; a night allows {allowed:.0%}")
        print(f"  PROBLEM {problems[-1]}")


def _unread_columns(store: Store, samples: Mapping[str, Sample]) -> None:
    """Says which columns of the files no mapping mentions."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in store.mappings.values())
    words = {word.casefold() for word in re.findall(r"\w+", text)}
    for name, found in samples.items():
        unread = [column for column in found.columns if column.casefold() not in words and column not in text]
        if unread:
            print(f"\nno mapping reads these columns of {name}: {', '.join(unread)}")


def _guardrails(
    spark: SparkSession,
    store: Store,
    settings: Settings,
    views: Mapping[str, DataFrame],
    given: set[str],
    problems: list[str],
) -> None:
    """Reads the rules for prices and says which of their items and categories no sampled item has: a misspelt one is a
    rule about nothing, which no night would notice. ``given``: the columns that the mapping of items gives."""
    try:
        rules = guardrails_file.load(store.folder, settings.guardrails, store.currency)
    except DaybreakError as error:
        problems.append(str(error))
        print(f"\nguardrails of prices\n  PROBLEM {error}")
        return
    if not given:
        return
    today = datetime.now(UTC).date()
    run = mappings.run(spark, store.mappings["items"], views, mappings.parameters(store, today))
    items = mappings.cast(run, contracts.load("validated.items"), store).select("item_id", "category").distinct()
    rows = items.collect()
    ids, paths = {row["item_id"] for row in rows}, {f"{row['category']} > " for row in rows}
    unknown = sorted({*rules.items, *rules.price_lines} - ids)
    unknown += sorted(name for name in rules.categories if not any(path.startswith(f"{name} > ") for path in paths))
    if unknown:
        print(f"\nthe guardrails of prices name what none of {len(ids):,} sampled items has: {', '.join(unknown)}")


def _switches(store: Store, mapped: Mapping[str, set[str]]) -> None:
    print("\nwith these tables")

    def has(table: str, column: str | None) -> bool:
        return bool(mapped.get(table)) and (column is None or column in mapped[table])

    for one in switches.switches(store, has):
        print(f"  {'on ' if one.is_on else 'off'} {one.name}: {one.words}")
