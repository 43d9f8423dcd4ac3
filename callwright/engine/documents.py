"""What a call runs that has a `start_url` and no application (docs/compatibility/dev-queue-call.md)."""

from urllib.parse import urlencode

from callwright.conversation.applications import Loaded
from callwright.services.dialing import Claim
from callwright.session.commands import Fetch
from callwright.vxml.program import program


def load(claim: Claim) -> Loaded:
    """The document of the claim's `start_url`, which is fetched when the call has begun."""
    return Loaded(claim.start_url, program(_start(claim)))


def _start(claim: Claim) -> Fetch:
    """What `start_url` is told of the call: by POST, or by GET where the account wants that."""
    fields = [
        ("phone_number", claim.phone_number),
        ("message_reference", claim.message_reference),
        ("call_id", str(claim.outbound_call_id)),
        ("call_parameters", claim.call_parameters),
        ("campaign_parameters", claim.campaign_parameters),
    ]
    # The other columns of its row in the file of its campaign.
    fields += [(name, str(value)) for name, value in claim.metadata.items()]
    if not claim.start_url_get:
        return Fetch("POST", claim.start_url, fields=tuple(fields))
    url, _, anchor = claim.start_url.partition("#")
    return Fetch("GET", f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}{'#' if anchor else ''}{anchor}")
