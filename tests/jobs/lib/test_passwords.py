"""No password of a URL is told, however it is written."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from jobs.lib.passwords import masked


@pytest.mark.parametrize("password", ["sesame", "pa#ss", "pa?ss", "pa%23s#s", "pa[ss", "pa%2Fs:s"])
def test_a_password_that_libpq_takes_is_masked(password: str) -> None:
    url = f"postgresql://daybreak:{password}@host/db?sslpassword=other#word"
    assert masked(url, url) == "postgresql://daybreak:***@host/db?sslpassword=***"
    meant = conninfo_to_dict(url)["password"]
    assert masked(f"{password} or {meant}, other#word", url) == "*** or ***, ***"


def test_what_libpq_takes_for_a_port_is_masked_too() -> None:
    url = "postgresql://daybreak:pass/word@host/db"
    assert masked(f'{url}: invalid port "pass"', url) == 'postgresql://daybreak:***@host/db: invalid port "***"'


@pytest.mark.parametrize(
    "url", ["postgresql://host:5432/db", "postgresql://ada@host/db", "http://mlflow:5000", "/home"]
)
def test_where_there_is_no_password_all_is_told(url: str) -> None:
    assert masked(f"cannot reach {url}", url) == f"cannot reach {url}"
