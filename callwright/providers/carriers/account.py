"""What every account with a carrier is, whatever the carrier speaks: settings that are checked, and a link that is made of them."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from callwright.ports.carrier import Carrier
from callwright.providers.http import GuardedClient

REGISTRY: dict[str, type["CarrierAccount"]] = {}
"Every kind of account by its `type`."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a link needs of the process that it lives in."""

    http: GuardedClient
    "Also says which addresses may be reached (`guard`)."

    status_url: str
    "Where receipts are to be told, for carriers over HTTP."


class CarrierAccount(BaseModel):
    """An account with a carrier. Its fields are its settings, its form and its page of reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secrets: ClassVar[tuple[str, ...]] = ()
    "Settings that are never shown again."

    joins_parts: ClassVar[bool] = False
    "It splits long texts itself, so a text of several concatenated parts goes to it whole."

    type: str

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        kind = cls.__annotations__.get("type")
        if kind is not None:
            REGISTRY[kind.__args__[0]] = cls

    @abstractmethod
    def link(self, surroundings: Surroundings) -> Carrier:
        """Who sends by it. Nothing is connected before its `run`."""
