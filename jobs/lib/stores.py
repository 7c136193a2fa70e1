"""A store is a folder: ``store.yml`` (its facts and its files) beside one SQL file per input table.

``load(settings)`` finds the folder (a name under sql/sources/, or any path), reads and checks it, and returns
a frozen ``Store``. Every mistake in store.yml is one error with file, line, key and what was expected.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import yaml

from jobs.lib.errors import DaybreakError
from jobs.lib.marked import REPOSITORY, Section, nearest, shown
from jobs.lib.settings import Settings

SHIPPED = REPOSITORY / "sql" / "sources"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FORMATS = ("csv", "jsonl", "parquet")
DELIVERS = ("events", "snapshot", "changes")
STORE_KEYS = (
    "name", "currency", "timezone", "country", "period", "closed_weekdays", "holidays_country", "landing", "files",
)  # fmt: skip
SOURCE_KEYS = ("where", "format", "options", "known", "delivers", "ids", "columns")
VARIABLE = r"\$\{?(\w+)\}?"
OPTION_KEYS = ("delimiter", "encoding", "header", "quote", "escape")


@dataclass(frozen=True)
class Known:
    """How the day from which a file's rows count is known (HOUSE.md, known_day).

    kind ``name``: ``pattern`` has one group that catches the day in the file's path, read by ``format``.
    kind ``column``: the text column ``column`` holds the day, read by ``format`` (Spark's letters).
    kind ``event_time``: the column ``column`` holds the time of the event; the day is known ``lag_days`` later.
    kind ``week``: the column ``column`` counts the store's weeks, of which number 1 begins on ``first_week``; a week is
    known on its last day, or ``lag_days`` later.
    kind ``always``: a bulk snapshot without history, known from 1970-01-01 on.
    """

    kind: str
    pattern: str | None = None
    column: str | None = None
    format: str | None = None
    lag_days: int = 0
    first_week: date | None = None


@dataclass(frozen=True)
class Source:
    """One kind of file of a store: where it lies, how it is read, what its rows mean.

    ``where`` is a glob on the path below the landing place; ``ids`` are columns that hold identifiers (they may
    look like card numbers); ``columns`` the header that every file must have, None when its first file says it.
    """

    name: str
    where: str
    format: str
    known: Known
    delivers: str = "events"
    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    quote: str = '"'
    escape: str | None = None
    ids: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Store:
    """A store's particulars. ``landing`` is a folder path or s3://bucket/prefix; ``mappings`` table -> SQL file."""

    name: str
    currency: str
    timezone: str
    country: str | None
    period: str
    closed_weekdays: frozenset[int]
    holidays_country: str | None
    landing: str
    folder: Path
    sources: dict[str, Source]
    mappings: dict[str, Path]

    @property
    def zone(self) -> ZoneInfo:
        """The store's time zone; its days are local to it."""
        return ZoneInfo(self.timezone)


def shipped() -> list[str]:
    """Names of the stores that come with the repository."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/store.yml"))


def load(settings: Settings) -> Store:
    """The store that ``settings.store`` names. Raises DaybreakError for whatever is wrong with its folder."""
    folder = _folder(settings.store)
    facts = Section.load(folder / "store.yml").only(STORE_KEYS)
    files = facts.section("files")
    if files is None or not files.names():
        facts.refuse("files", "expected at least one name with its facts, as in 'orders: {where: \"*.csv\", …}'")
    return Store(
        name=_like(facts, "name", r"[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, _ and - (it names the folders)"),
        currency=_like(facts, "currency", r"[A-Z]{3}", "an ISO 4217 code such as GBP"),
        timezone=_timezone(facts),
        country=_country(facts, "country"),
        period=facts.value("period", str, default="day", among=("day", "week")),
        closed_weekdays=frozenset(map(WEEKDAYS.index, _names(facts, "closed_weekdays", among=WEEKDAYS) or ())),
        holidays_country=_country(facts, "holidays_country"),
        landing=settings.landing or _landing(facts, settings, folder),
        folder=folder,
        sources={name: _source(files, name) for name in files.names()},
        mappings=_mappings(folder),
    )


def _folder(store: str) -> Path:
    """The folder of a store given by name or by path."""
    for folder in (SHIPPED / store, Path(store).expanduser()):
        if (folder / "store.yml").is_file():
            return folder.resolve()
    path = Path(store).expanduser()
    if path.is_dir():
        raise DaybreakError(
            f"{path}: there is no store.yml in this folder; a store is a folder with store.yml and "
            "order_lines.sql (README, 'Your store in an hour')"
        )
    near = nearest(store, shipped())
    raise DaybreakError(f"there is no store {store!r}; {near} A folder that holds a store.yml can be named by its path")


def _mappings(folder: Path) -> dict[str, Path]:
    """Input table -> its SQL file; refuses a file that no contract knows."""
    mappings = {path.stem: path for path in sorted(folder.glob("*.sql"))}
    known = sorted(path.stem for path in (REPOSITORY / "expectations" / "validated").glob("*.yml"))
    for table, path in mappings.items():
        if known and table not in known:
            raise DaybreakError(f"{shown(path)}: there is no input table {table!r}; {nearest(table, known)}")
    if "order_lines" not in mappings:
        raise DaybreakError(f"{shown(folder)}: order_lines.sql is missing, the one mapping that a store must have")
    return mappings


def _source(files: Section, name: str) -> Source:
    """One entry under ``files``."""
    entry = files.section(name)
    if entry is None or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        files.refuse(name, "expected a name that SQL can use: small letters, digits and _, a letter first")
    entry.only(SOURCE_KEYS)
    options = entry.section("options") or Section(
        entry.file, yaml.MappingNode("", [], entry.node.start_mark), entry.name
    )
    options.only(OPTION_KEYS)
    columns = _names(entry, "columns")
    header = options.value("header", bool, default=True)
    if not header and not columns:
        options.refuse("header", "files without a header need 'columns' beside 'options': their names, in order")
    return Source(
        name=name,
        where=_like(entry, "where", r"[^/].*", "a pattern below the landing place, as in 'orders/*.csv.gz'"),
        format=entry.value("format", str, among=FORMATS),
        known=_known(entry),
        delivers=entry.value("delivers", str, default="events", among=DELIVERS),
        delimiter=_character(options, "delimiter", ","),
        encoding=_encoding(options),
        header=header,
        quote=_character(options, "quote", '"'),
        escape=_character(options, "escape", "") or None,
        ids=_names(entry, "ids") or (),
        columns=columns,
    )


def _known(entry: Section) -> Known:
    """``known``: always | {name: …} | {column: …} | {event_time: …, lag_days: …} | {week: …, first_week: …}."""
    expected = (
        "expected always, {name: 'pattern with one group'}, {column: name, format: yyyy-MM-dd}, {event_time: column, "
        "lag_days: 0} or {week: column, first_week: YYYY-MM-DD}: how the day is known from which a file's rows count"
    )
    if not entry.has("known"):
        entry.refuse(None, f"the key 'known' is missing; {expected}")
    value = entry.value("known")
    if value == "always":
        return Known("always")
    if not isinstance(value, dict) or len({"name", "column", "event_time", "week"} & value.keys()) != 1:
        entry.refuse("known", expected)
    known = entry.section("known")
    assert known is not None
    if known.has("name"):
        known.only(("name", "format"))
        return Known("name", pattern=_pattern(known), format=_day_format(known))
    if known.has("column"):
        known.only(("column", "format"))
        return Known("column", column=known.value("column", str), format=known.value("format", str, default=None))
    lag = known.value("lag_days", int, default=0)
    if lag < 0:
        known.refuse("lag_days", f"expected a number of days, 0 or more, found {lag}")
    if known.has("week"):
        known.only(("week", "first_week", "lag_days"))
        first = known.value("first_week", date)
        return Known("week", column=known.value("week", str), lag_days=lag, first_week=first)
    known.only(("event_time", "format", "lag_days"))
    column, format_ = known.value("event_time", str), known.value("format", str, default=None)
    return Known("event_time", column=column, format=format_, lag_days=lag)


def _pattern(known: Section) -> str:
    """A regular expression whose one group catches the day in a file's path."""
    pattern = known.value("name", str)
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        known.refuse("name", f"this is not a regular expression: {error}")
    if groups != 1:
        known.refuse("name", f"expected exactly one group (…) that catches the day, found {groups}")
    return str(pattern)


def _day_format(known: Section) -> str:
    """The format of a day in a file's name; only letters that make a day."""
    value = known.value("format", str, default="yyyy-MM-dd")
    if any(value.count(letters) != 1 for letters in ("yyyy", "MM", "dd")):
        known.refuse("format", f"expected yyyy, MM and dd once each, as in yyyy-MM-dd or ddMMyyyy, found {value!r}")
    return str(value)


def _landing(facts: Section, settings: Settings, folder: Path) -> str:
    """The landing place of store.yml with DAYBREAK_DATA and DAYBREAK_HOME put in; relative: to the store's folder."""
    if not facts.has("landing"):
        facts.refuse(
            None,
            "the key 'landing' is missing: where the files lie, a folder or s3://bucket/prefix "
            "(or set DAYBREAK_LANDING)",
        )
    landing = facts.value("landing", str)
    places = {"DAYBREAK_DATA": settings.data, "DAYBREAK_HOME": str(settings.home)}
    for name in re.findall(VARIABLE, landing):
        if name not in places:
            facts.refuse("landing", f"nothing is known of {name} here; {nearest(name, places)}")
        if not places[name]:
            facts.refuse(
                "landing",
                f"{name} is not set; set it to the folder of the downloaded data (README), "
                "or DAYBREAK_LANDING to where this store's files lie",
            )
    landing = re.sub(VARIABLE, lambda match: places[match[1]] or "", landing)
    if landing.startswith("s3://"):
        return str(landing)
    return str((folder / Path(landing).expanduser()).resolve())


def _timezone(facts: Section) -> str:
    value = facts.value("timezone", str)
    if value not in available_timezones():
        facts.refuse("timezone", f"there is no time zone {value!r}; expected an IANA name such as Europe/London")
    return str(value)


def _encoding(options: Section) -> str:
    value = options.value("encoding", str, default="utf-8")
    try:
        "".encode(value)
    except LookupError:
        options.refuse("encoding", f"there is no encoding {value!r}; expected one such as utf-8, cp1252 or latin-1")
    return str(value).lower()


def _character(options: Section, key: str, default: str) -> str:
    value = options.value(key, str, default=default)
    if options.has(key) and len(value.encode()) != 1:
        options.refuse(key, f"expected one ASCII character, found {value!r}")
    return str(value)


def _names(section: Section, key: str, among: tuple[str, ...] | None = None) -> tuple[str, ...] | None:
    """A list of names; None where the key is missing."""
    names = section.value(key, list, default=None)
    for name in names or ():
        if not isinstance(name, str) or (among and name not in among):
            section.refuse(
                key,
                f"{name!r} is not known here; {nearest(name, among)}"
                if among
                else f"expected names, as in [a, b], in quotes where YAML sees no text; found {name!r}",
            )
    return tuple(names) if names is not None else None


def _like(section: Section, key: str, pattern: str, expected: str) -> str:
    """Text that ``pattern`` matches whole. YAML reads a bare NO (Norway) as false, so the message speaks of quotes."""
    value = section.value(key, default=None)
    if value is None:
        section.refuse(None, f"the key {key!r} is missing; expected {expected}")
    if isinstance(value, bool):
        section.refuse(key, f"YAML reads this as {str(value).lower()}: put it in quotes; expected {expected}")
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        section.refuse(key, f"expected {expected}, found {value!r}")
    return str(value)


def _country(facts: Section, key: str) -> str | None:
    is_there = facts.value(key, default=None) is not None
    return _like(facts, key, r"[A-Z]{2}", "an ISO 3166 code such as GB") if is_there else None
