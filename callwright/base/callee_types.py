"""Who answers an outbound call, in Plum's words (docs/compatibility/fuse-variables.md)."""

from typing import Literal

CalleeType = Literal["voice", "answeringmachine", "fax", "unknown"]
"A person, a machine that takes messages, a fax machine, or none of these for sure. `processing` until it is found out."
