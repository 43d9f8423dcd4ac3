"""Where a message stands, and what its receipts add up to.

    queued --claimed--> sending --carrier took it--> sent --receipt--> sent + delivery
      |                    +--carrier refused it---> failure
      |                    +--no answer, link lost-> sent, in doubt (never sent again by itself)
      +--refused before it was sent--------------> failure

`sending` is our own: clients see `queued` until the carrier has answered. A delivery only ever rises: nothing known <
unconfirmed < undelivered < delivered. So receipts may come twice, late, or in any order, and before the carrier's own answer,
and come to the same end: that a handset has got a message is not undone by any other receipt.
"""

from collections.abc import Iterable
from typing import Literal

Status = Literal["queued", "sending", "sent", "received", "failure"]
Delivery = Literal["", "unconfirmed", "undelivered", "delivered"]

DELIVERIES: tuple[Delivery, ...] = ("", "unconfirmed", "undelivered", "delivered")
"From what is least to what is most certain."


def risen(known: Delivery, told: Delivery) -> Delivery:
    """What is known after another receipt."""
    return max(known, told, key=DELIVERIES.index)


def shown(status: Status) -> Status:
    """The status as a client sees it (document *SMS API*, Statuses Explained)."""
    return "queued" if status == "sending" else status


def total_status(parts: Iterable[Status]) -> Status:
    """Of a text in several parts: queued while one is, then failure where one is, else what all are."""
    known = {shown(part) for part in parts}
    for status in ("queued", "failure", "sent", "received"):
        if status in known:
            return status
    raise ValueError("a text has at least one part")


def total_delivery(parts: Iterable[Delivery]) -> Delivery:
    """Of a text in several parts: delivered where all are; undelivered where one is, for it cannot be read; else unconfirmed as
    soon as one is, and nothing while none is known."""
    known = set(parts)
    if known == {"delivered"}:
        return "delivered"
    if "undelivered" in known:
        return "undelivered"
    return "unconfirmed" if "unconfirmed" in known else ""
