"""A store is a folder: ``store.yml`` (its facts and its files) beside one SQL file per input table.

``load(settings)`` finds the folder (a name under sql/sources/, or any path), reads and checks it, and returns
a frozen ``Store``. Every mistake in store.yml is one error with file, line, key and what was expected.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from jobs.lib import yaml_lines
from jobs.lib.errors import DaybreakError
from jobs.lib.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "sql" / "sources"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FORMATS = ("csv", "jsonl", "parquet")
DELIVERS = ("events", "snapshot", "changes")
PERIODS = ("day", "week")
STORE_KEYS = ("name", "currency", "timezone", "country", "period", "closed_weekdays", "holidays_country", "landing",
              "files")
SOURCE_KEYS = ("where", "format", "options", "known", "delivers", "ids", "columns")
OPTION_KEYS = ("delimiter", "encoding", "header", "quote", "escape")


@dataclass(frozen=True)
class Known:
    """How the day from which a file's rows count is known (HOUSE.md, known_day).

    kind ``name``: ``pattern`` has one group that catches the day in the file's path, read by ``format``.
    kind ``column``: the text column ``column`` holds the day, read by ``format`` (Spark's letters).
    kind ``event_time``: the column ``column`` holds the time of the event; the day is known ``lag_days`` later.
    kind ``always``: a bulk snapshot without history, known from 1970-01-01 on.
    """

    kind: str
    pattern: str | None = None
    column: str | None = None
    format: str | None = None
    lag_days: int = 0


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
    file = yaml_lines.read(folder / "store.yml")
    facts = file.mapping((), STORE_KEYS)
    sources = {name: _source(file, name) for name in file.mapping(("files",), None)}
    if not sources:
        raise file.error(("files",), "no files are named; expected at least one, as in 'orders: {where: \"*.csv\", …}'")
    return Store(
        name=file.text(("name",), r"[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, _ and - (it names the folders)"),
        currency=file.text(("currency",), r"[A-Z]{3}", "an ISO 4217 code such as GBP"),
        timezone=_timezone(file),
        country=file.text(("country",), r"[A-Z]{2}", "an ISO 3166 code such as GB", optional=True),
        period=file.choice(("period",), PERIODS, "day"),
        closed_weekdays=_closed_weekdays(file),
        holidays_country=file.text(("holidays_country",), r"[A-Z]{2}", "an ISO 3166 code such as GB", optional=True),
        landing=settings.landing or _landing(file, settings, facts),
        folder=folder,
        sources=sources,
        mappings=_mappings(folder),
    )


def _folder(store: str) -> Path:
    """The folder of a store given by name or by path."""
    for folder in (SHIPPED / store, Path(store).expanduser()):
        if (folder / "store.yml").is_file():
            return folder.resolve()
    names = ", ".join(shipped())
    path = Path(store).expanduser()
    if path.is_dir():
        raise DaybreakError(f"{path}: no store.yml in this folder; a store is a folder with store.yml and "
                            "order_lines.sql (README, 'Your store in an hour')")
    raise DaybreakError(f"no store '{store}'{yaml_lines.nearest(store, shipped())}: expected one of {names}, "
                        "or the path of a folder with a store.yml")


def _mappings(folder: Path) -> dict[str, Path]:
    """Input table -> its SQL file; refuses a file that no contract knows."""
    mappings = {path.stem: path for path in sorted(folder.glob("*.sql"))}
    known = sorted(path.stem for path in (REPOSITORY / "expectations" / "validated").glob("*.yml"))
    for table, path in mappings.items():
        if known and table not in known:
            raise DaybreakError(f"{path}: no input table is called '{table}'{yaml_lines.nearest(table, known)}; "
                                f"expected one of {', '.join(known)}")
    if "order_lines" not in mappings:
        raise DaybreakError(f"{folder}: order_lines.sql is missing; it is the one mapping that a store must have")
    return mappings


def _source(file: yaml_lines.Lined, name: str) -> Source:
    """One entry under ``files``."""
    place = ("files", name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", str(name)):
        raise file.error(place, "expected a name that SQL can use: small letters, digits and _, a letter first")
    file.mapping(place, SOURCE_KEYS)
    options = file.mapping((*place, "options"), OPTION_KEYS, optional=True)
    header = options.get("header", True)
    if not isinstance(header, bool):
        raise file.error((*place, "options", "header"), f"expected true or false, not {header!r}")
    columns = file.names((*place, "columns"))
    if not header and not columns:
        raise file.error((*place, "options", "header"), "files without a header need 'columns', their names in order")
    return Source(
        name=name,
        where=file.text((*place, "where"), r"[^/].*", "a pattern below the landing place, as in 'orders/*.csv.gz'"),
        format=file.choice((*place, "format"), FORMATS, None),
        known=_known(file, (*place, "known")),
        delivers=file.choice((*place, "delivers"), DELIVERS, "events"),
        delimiter=file.character((*place, "options", "delimiter"), ",") or ",",
        encoding=_encoding(file, (*place, "options", "encoding")),
        header=header,
        quote=file.character((*place, "options", "quote"), '"') or '"',
        escape=file.character((*place, "options", "escape"), None),
        ids=file.names((*place, "ids")) or (),
        columns=columns,
    )


def _known(file: yaml_lines.Lined, place: tuple) -> Known:
    """``known``: always | {name: …} | {column: …, format: …} | {event_time: …, lag_days: …}."""
    expected = ("expected always, {name: 'pattern with one group'}, {column: name, format: yyyy-MM-dd} "
                "or {event_time: column, lag_days: 0}")
    value = file.at(place)
    if value == "always":
        return Known("always")
    if not isinstance(value, dict) or len({"name", "column", "event_time"} & value.keys()) != 1:
        raise file.error(place, f"{expected}, not {value!r}" if value else expected)
    if "name" in value:
        file.mapping(place, ("name", "format"))
        pattern = file.text((*place, "name"), None, "a regular expression")
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise file.error((*place, "name"), f"not a regular expression: {error}") from error
        if groups != 1:
            raise file.error((*place, "name"), f"expected exactly one group (…) that catches the day, found {groups}")
        return Known("name", pattern=pattern, format=_day_format(file, (*place, "format")))
    if "column" in value:
        file.mapping(place, ("column", "format"))
        column = file.text((*place, "column"), None, "a column's name")
        return Known("column", column=column, format=file.text((*place, "format"), None, "a format", optional=True))
    file.mapping(place, ("event_time", "format", "lag_days"))
    lag = value.get("lag_days", 0)
    if not isinstance(lag, int) or isinstance(lag, bool) or lag < 0:
        raise file.error((*place, "lag_days"), f"expected a number of days, 0 or more, not {lag!r}")
    column = file.text((*place, "event_time"), None, "a column's name")
    format_ = file.text((*place, "format"), None, "a format", optional=True)
    return Known("event_time", column=column, format=format_, lag_days=lag)


def _day_format(file: yaml_lines.Lined, place: tuple) -> str:
    """The format of a day in a file's name; only letters that make a day."""
    value = file.text(place, None, "a format such as yyyy-MM-dd", optional=True) or "yyyy-MM-dd"
    if not all(value.count(letters) == 1 for letters in ("yyyy", "MM", "dd")):
        raise file.error(place, f"expected yyyy, MM and dd once each, as in yyyy-MM-dd or ddMMyyyy, not {value!r}")
    return value


def _landing(file: yaml_lines.Lined, settings: Settings, facts: dict) -> str:
    """The landing place of store.yml with ${DAYBREAK_DATA} and ${DAYBREAK_HOME} put in; relative: to its folder."""
    if "landing" not in facts:
        raise file.error((), "the key 'landing' is missing: where the files lie, a folder or s3://bucket/prefix "
                             "(or set DAYBREAK_LANDING)")
    landing = file.text(("landing",), None, "a folder or s3://bucket/prefix")
    places = {"DAYBREAK_DATA": settings.data, "DAYBREAK_HOME": str(settings.home)}
    for name in re.findall(r"\$\{?(\w+)\}?", landing):
        if name not in places:
            raise file.error(("landing",), f"${{{name}}} is unknown; there are ${{DAYBREAK_DATA}} and ${{DAYBREAK_HOME}}")
        if not places[name]:
            raise file.error(("landing",), f"{name} is not set; set it to the folder of the downloaded data (README), "
                                           "or DAYBREAK_LANDING to where this store's files lie")
    landing = re.sub(r"\$\{?(\w+)\}?", lambda match: places[match[1]], landing)
    if landing.startswith("s3://"):
        return landing
    return str((file.path.parent / Path(landing).expanduser()).resolve())


def _timezone(file: yaml_lines.Lined) -> str:
    value = file.text(("timezone",), None, "a time zone such as Europe/London")
    if value not in available_timezones():
        near = yaml_lines.nearest(value, available_timezones())
        raise file.error(("timezone",), f"no time zone '{value}'{near}; expected an IANA name such as Europe/London")
    return value


def _closed_weekdays(file: yaml_lines.Lined) -> frozenset[int]:
    """Weekdays on which the store never sells, 0 = Monday."""
    days = file.names(("closed_weekdays",)) or ()
    for index, day in enumerate(days):
        if day.lower() not in WEEKDAYS:
            near = yaml_lines.nearest(day, WEEKDAYS)
            raise file.error(("closed_weekdays", index), f"'{day}' is no weekday{near}; expected {', '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(day.lower()) for day in days)


def _encoding(file: yaml_lines.Lined, place: tuple) -> str:
    value = file.text(place, None, "an encoding such as utf-8", optional=True) or "utf-8"
    try:
        "".encode(value)
    except LookupError as error:
        raise file.error(place, f"no encoding '{value}'; expected one such as utf-8, cp1252, latin-1") from error
    return value.lower()
