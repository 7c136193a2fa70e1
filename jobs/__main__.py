"""``python -m jobs <stage or command> --as-of DAY``: every stage and command of Daybreak, without Airflow."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path

# spark-submit runs this file as a script: the repository's root is then not on the path yet.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs.lib.errors import DaybreakError

COMMANDS = {
    "train": "trains a product's model for a day and crowns it if it earns its place",
    "due": "exit code 0 when a product's champion must be trained for a day, 99 when it need not",
    "check": "tries a store's folder in a minute; writes nothing",
    "dictionary": "writes docs/data-dictionary.md from the contracts (--check: fails when stale)",
    "report": "the report of a night",
    "lineage": "what made a table's day",
    "releases": "what was published",
    "rollback": "takes readers, warehouse and champion to a release: --to its id, a day, previous, latest or lift",
    "warehouse": "loads a night's releases into the store's warehouse (DAYBREAK_WAREHOUSE)",
    "warehouse-sql": "writes sql/warehouse/ from the contracts (--check: fails when stale)",
    "repair": "lands what came late, lets it count from its own days; prints the nights to run again",
    "maintenance": "retention, compaction, VACUUM",
    "properties": "Spark's options as spark-submit's properties, for a deployment of your own",
    "store": "lets the simulated store deliver its raw files",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it did what it says, 1 with a message for a person when it could not."""
    options = _parser().parse_args(arguments)
    if options.store:
        os.environ["DAYBREAK_STORE"] = options.store
    try:
        return _run(options) or 0
    except DaybreakError as error:
        print(f"daybreak: {error}", file=sys.stderr, flush=True)
        return 1


def _run(options: argparse.Namespace) -> int | None:
    from jobs import commands
    from jobs.lib import settings as environment

    settings = environment.load()
    if options.command in commands.RUN:
        return commands.RUN[options.command](options, settings)
    from jobs.lib import stages
    from jobs.lib.locks import stage_lock

    if options.as_of is None:
        raise DaybreakError(f"`python -m jobs {options.command}` needs --as-of YYYY-MM-DD")
    with stage_lock(settings.home, f"{options.command} {options.as_of}"):
        stages.run(options.command, settings, options.as_of, options.tables)
    return 0


def _parser() -> argparse.ArgumentParser:
    described = "\n".join(f"  {name:13} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m jobs",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
        epilog=f"commands:\n{described}",
    )
    parser.add_argument(
        "command", help="a stage (landed, validated, features, a product, published) or a command below"
    )
    parser.add_argument("--as-of", type=_day, help="the day by whose end everything was known, YYYY-MM-DD")
    parser.add_argument("--store", help="a store's name or folder (default: DAYBREAK_STORE)")
    parser.add_argument(
        "--tables", type=lambda text: tuple(text.split(",")), default=(), help="some tables of the stage only"
    )
    parser.add_argument("--product", help="train, due, rollback: of which product")
    parser.add_argument("--table", help="lineage: the table")
    parser.add_argument("--to", help="rollback: a release, a day, previous, latest, or lift (the hold alone)")
    parser.add_argument("--by", help="rollback: who decides (default: this user)")
    parser.add_argument("--why", help="rollback: for the record")
    parser.add_argument("--through", type=_day, help="store: the last day to deliver")
    for name in ("customers", "items", "history-days"):
        parser.add_argument(f"--{name}", type=int, help="store: of a new world")
    parser.add_argument("--check", action="store_true", help="dictionary, warehouse-sql: compare instead of writing")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: expected YYYY-MM-DD") from error


if __name__ == "__main__":
    from jobs.lib import warm

    code = warm.ask(sys.argv[1:])
    sys.exit(main() if code is None else code)
