"""The values a session's variables can hold: what JSON can."""

from pydantic import JsonValue as Value

__all__ = ["Value"]
