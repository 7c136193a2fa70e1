"""Text written for a pattern is matched by it."""

import re

import numpy as np
import pytest

from jobs.lib.errors import DaybreakError
from jobs.lib.random_text import matching

PATTERNS = [
    r"^[A-Z]{2}( [A-Z]{2})*$",
    r"^[^@\s]+@[^@\s]+$",
    r"^([0-9]{1,3}-[0-9]{1,3}|[0-9]{1,3}\+|under [0-9]{1,3})$",
    r"^\d{8}-[0-9a-f]{12}$",
    r"^a.?b+?\w*[^x]$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_written_matches(pattern: str) -> None:
    random = np.random.default_rng(1)
    texts = {matching(pattern, random) for _ in range(200)}
    assert len(texts) > 50
    assert all(re.fullmatch(pattern, text) for text in texts)


def test_a_look_ahead_says_nothing_to_write() -> None:
    with pytest.raises(DaybreakError, match="no random text"):
        matching(r"^(?=a)b$", np.random.default_rng(1))
