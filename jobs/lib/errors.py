"""What a person is told when something is wrong: what, where, what was expected, and what to do next."""


class DaybreakError(Exception):
    """An error of the data, the settings or the set-up; its message is for a person, printed without a traceback."""


class RuleBroken(DaybreakError):
    """A table broke a rule of its contract: nothing of it became visible, the earlier day stays in place."""

    def __init__(self, table: str, rule: str, detail: str) -> None:
        super().__init__(f"{table}: {rule}: {detail}")
        self.table = table
        self.rule = rule
        self.detail = detail
