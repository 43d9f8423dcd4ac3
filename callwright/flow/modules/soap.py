"""Ask a SOAP service."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.flow.filling import Filling, Pair
from callwright.flow.module import Module, Settings
from callwright.flow.spoken import SpokenText
from callwright.flow.texts import Text
from callwright.script.template import Template
from callwright.script.variables import parse_path
from callwright.session.commands import Invoke
from callwright.session.events import InvokeFailed
from callwright.session.run import Call


class Soap(Module):
    """Call a method of a SOAP service, which its WSDL describes, and keep the answer in the module's variable.

    A parameter's name may be a path, such as `order.customer.name`, for services that take objects. A parameter that
    is just `{{ variable }}` keeps its type. Where the WSDL has no port of the version that is asked for, the one that it
    has is used. A fault, a method that the WSDL has not, or no answer leaves by `error` where that exit is joined; where it
    is not, the flow goes on with the variable undefined.
    """

    type: Literal["soap"] = "soap"
    icon: ClassVar[str] = "api"

    wsdl: Text = Field(min_length=1, title="WSDL (URL)")
    method: str = Field(min_length=1, max_length=200, title="Method")
    version: Literal["1.1", "1.2"] = Field("1.1", title="SOAP version")
    parameters: Annotated[list[Pair], Field(max_length=100)] = Field(default_factory=list, title="Parameters")
    timeout_s: float = Field(10, ge=1, le=60, title="Time-out, seconds")
    hold_music: bool = Field(False, title="Hold music while the caller waits")

    _wsdl: Template = PrivateAttr()
    _parameters: list[tuple[tuple[str, ...], Template]] = PrivateAttr()
    _hold: SpokenText = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._wsdl = Template(self.wsdl)
        self._parameters = [(_path(pair.name), Template(pair.value)) for pair in self.parameters]
        self._hold = settings.hold

    def exits_optional(self) -> tuple[str, ...]:
        return ("error",)

    async def run(self, call: Call) -> str:
        call.variables.values.pop(self.name, None)
        invoke = await soap_request(call, self)
        result = await call.invoke(invoke)
        if isinstance(result, InvokeFailed):
            return "error" if "error" in self.exits else "next"
        self.store(call, result.result, private=invoke.private)
        return "next"


async def soap_request(call: Call, soap: Soap, *, delay_s: float = 0.0) -> Invoke:
    """The request as this call's variables have it."""
    filling = Filling(call, soap.private)
    arguments: dict[str, Any] = {}
    for path, template in soap._parameters:
        holder = arguments
        for step in path[:-1]:
            inner = holder.setdefault(step, {})
            holder = inner if isinstance(inner, dict) else {}
        holder[path[-1]] = await filling.whole(template)
    wsdl = (await filling.text(soap._wsdl)).strip()
    hold = await soap._hold.prompt(call) if soap.hold_music and not call.caller_gone else ()
    return Invoke(
        "soap",
        soap.method,
        (("wsdl", wsdl), ("version", soap.version), ("parameters", arguments)),
        soap.timeout_s,
        filling.private,
        hold[0] if hold else None,
        delay_s,
    )


def _path(name: str) -> tuple[str, ...]:
    return tuple(str(step) for step in parse_path(name))
