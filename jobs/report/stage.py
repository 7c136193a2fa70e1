"""The report of a night, one file that needs no other."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jobs.lib.stages import Night
from jobs.report.findings import Findings, findings


def run(night: Night) -> None:
    """Writes the report and prints its path."""
    path = night.settings.report(night.store.name, night.as_of)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(page(findings(night)), encoding="utf-8")
    partial.replace(path)
    print(path, flush=True)


def page(found: Findings) -> str:
    """The report as HTML; every value is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value or 0:,}"
    environment.filters["megabytes"] = lambda value: f"{value / 1e6:,.1f} MB"
    environment.filters["size"] = lambda value: f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
    environment.filters["money"] = lambda value: "" if value is None else f"{value:,.2f}"
    environment.filters["percent"] = lambda value: "" if value is None else f"{value:+.0%}"
    shown = {field.name: getattr(found, field.name) for field in fields(found)}
    return environment.get_template("page.html").render(**shown)
