"""IP addresses, in all the ways in which peers write them."""

import pytest

from callwright.base.errors import PeerError
from callwright.sip import address
from callwright.sip.address import host_port, is_ip, plain_ip, uri, written

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::1", "::1"),
        ("::", "::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:201", "192.0.2.1"),
        ("sip.example.com", "sip.example.com"),
        (":::", ":::"),
        ("", ""),
    ],
)
def test_an_address_has_one_form(text: str, plain: str) -> None:
    assert plain_ip(text) == plain


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("[::1]:5070", ("::1", 5070)),
        ("[2001:DB8::0:1]", ("2001:db8::1", 5060)),
        ("[::ffff:192.0.2.1]:5070", ("192.0.2.1", 5070)),
        ("192.0.2.1:5070", ("192.0.2.1", 5070)),
    ],
)
def test_a_place_is_read_and_written(text: str, read: tuple[str, int]) -> None:
    assert host_port(text) == read == host_port(written(read))


def test_brackets_are_for_ipv6_alone() -> None:
    assert (written(("::1", 5060)), written(("192.0.2.1", 5060))) == ("[::1]:5060", "192.0.2.1:5060")


def test_a_zone_is_of_no_use_to_anybody_else() -> None:
    """RFC 4007 §11: nobody but its own machine knows what it means."""
    assert not is_ip("fe80::1%eth0")
    with pytest.raises(PeerError):
        host_port("[fe80::1%eth0]:5060")


def test_a_uri_leads_to_the_address_however_it_is_written() -> None:
    assert uri("sip:ann@[2001:db8:0::1]:5070").address == ("2001:db8::1", 5070)
    assert address.sip_uri("ann", "2001:db8::1", 5070) == "sip:ann@[2001:db8::1]:5070"
