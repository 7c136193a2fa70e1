"""What is read from Great Expectations' files is what it has when imported."""

import great_expectations as gx

from jobs.lib import gx_names


def test_every_name_is_an_expectation_of_the_installed_gx() -> None:
    names = gx_names.known()
    assert len(names) > 40 and "expect_column_kl_divergence_to_be_less_than" in names
    for name, known in names.items():
        made = getattr(gx.expectations, known.class_name)
        assert made.expectation_type == name
        assert set(known.keys) <= set(made.__fields__)


def test_rules_about_rows_are_told_from_rules_about_columns() -> None:
    assert gx_names.is_row_rule("expect_column_values_to_be_between")
    assert gx_names.is_row_rule("expect_column_pair_values_a_to_be_greater_than_b")
    assert not gx_names.is_row_rule("expect_column_values_to_be_between", mostly=0.9)
    assert not gx_names.is_row_rule("expect_column_values_to_be_unique")
    assert not gx_names.is_row_rule("expect_table_row_count_to_be_between")
