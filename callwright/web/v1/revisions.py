"""`If-Match` and `ETag` of a draft (RFC 9110 §13.1.1): nobody's changes are written over unseen.

Reading the draft answers with its revision as `ETag`; whoever sends that as `If-Match` with a change is refused with 412
where somebody else has changed the draft meanwhile. Without `If-Match` the change is made whatever is there.
"""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

_TAG = re.compile(r'"([1-9][0-9]{0,17})"')


def _if_match(
    if_match: Annotated[str, Header(max_length=500, description="ETag of the draft that the change was made in.")] = "",
) -> frozenset[int] | None:
    """The revisions that the client takes; None: any. What is no tag of ours matches nothing."""
    if not if_match or if_match.strip() == "*":
        return None
    found = (_TAG.fullmatch(tag.strip()) for tag in if_match.split(","))
    return frozenset(int(tag[1]) for tag in found if tag)


IfMatch = Annotated[frozenset[int] | None, Depends(_if_match)]


def tag(response: Response, revision: int) -> None:
    response.headers["ETag"] = f'"{revision}"'
