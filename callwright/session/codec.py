"""Commands and events as JSON and back: what the journal stores and a simulator's WebSocket carries."""

from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from callwright.session.commands import Command
from callwright.session.events import Event
from callwright.session.run import Entry, ModuleRef

_ADAPTER: TypeAdapter[Command | Event] = TypeAdapter(Annotated[Command | Event, Field(discriminator="type")])


def encode(item: Command | Event) -> dict[str, Any]:
    """A JSON object whose `type` names the class."""
    encoded: dict[str, Any] = _ADAPTER.dump_python(item, mode="json")
    return encoded


def encode_bytes(item: Command | Event) -> bytes:
    """The same, as JSON text."""
    return _ADAPTER.dump_json(item)


def decode(encoded: dict[str, Any]) -> Command | Event:
    """The inverse of `encode`. Raises `ValueError` for anything else."""
    return _ADAPTER.validate_python(encoded)


def encode_entry(entry: Entry) -> bytes:
    """A line of the journal as JSON: {"module": [page, name, type] or null, "item": …}."""
    return b'{"module":%s,"item":%s}' % (_named(entry.module), encode_bytes(entry.item))


@lru_cache(1024)
def _named(module: ModuleRef | None) -> bytes:
    return b"null" if module is None else _MODULE.dump_json((module.page, module.name, module.type))


def decode_entry(at: float, encoded: dict[str, Any]) -> Entry:
    """The inverse of `encode_entry`, from parsed JSON. Raises `ValueError`."""
    module = encoded.get("module")
    return Entry(at, ModuleRef(*module) if module else None, decode(encoded["item"]))


_MODULE: TypeAdapter[tuple[str, str, str]] = TypeAdapter(tuple[str, str, str])
