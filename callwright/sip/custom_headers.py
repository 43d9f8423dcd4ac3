"""Header fields that an author or a client has sent with a call of theirs: the one rule for both.

`User-to-User` (RFC 7433) and names that begin with `X-`: nothing that says who calls, where to, or how it is spoken.
"""

import re
from collections.abc import Iterable

COUNT_MAX = 20
CHARACTERS_MAX = 4_000
"Of all values: with the rest of an INVITE they must fit into a datagram that peers accept."

_NAME = re.compile(r"(?:user-to-user|x-[a-z0-9-]{1,60})", re.IGNORECASE)


def is_allowed(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def are_too_long(values: Iterable[str]) -> bool:
    return sum(map(len, values)) > CHARACTERS_MAX
