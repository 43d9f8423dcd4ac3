"""Kinds of lines by numbering plans."""

import pytest

from callwright.providers.line_types.numbering_plans import NumberingPlans

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("447400123456", "mobile"),
        ("442079460018", "landline"),
        ("4915123456789", "mobile"),
        ("493012345678", "landline"),
        ("33612345678", "mobile"),
        ("33142345678", "landline"),
        ("436641234567", "mobile"),
        ("449012345678", "landline"),
        ("12125550102", "unknown"),
        ("12015550123", "unknown"),
        ("18005550100", "unknown"),
        ("999999999999", "unknown"),
        ("1", "unknown"),
        ("", "unknown"),
    ],
)
def test_kinds(number, kind):
    assert NumberingPlans().of(number) == kind
