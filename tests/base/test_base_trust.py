"""The authorities of peers: what is none is told, and never taken for "whom this machine believes"."""

import ssl

import pytest

from callwright.base.trust import trusting

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "text", ["", " \n", "words", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "é"]
)
def test_what_holds_no_certificate(text):
    with pytest.raises((ssl.SSLError, ValueError)):
        trusting(text)
