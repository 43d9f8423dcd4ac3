"""What a line of the log says beside its words: which call it is about."""

from contextvars import ContextVar

session_id: ContextVar[str] = ContextVar("session_id", default="")
"Of the call that runs here; set where a call begins to be served, and so by everything that is done for it."
