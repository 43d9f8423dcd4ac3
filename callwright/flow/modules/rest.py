"""Ask a web service."""

import json
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import Field, PrivateAttr, model_validator

from callwright.base.values import Value
from callwright.flow.filling import Filling, Pair
from callwright.flow.module import Module, Settings
from callwright.flow.returned import PARSERS
from callwright.flow.spoken import SpokenText
from callwright.flow.texts import Text
from callwright.script.template import Template
from callwright.session.commands import Fetch
from callwright.session.events import Fetched, FetchFailed
from callwright.session.prompts import RECORDING
from callwright.session.run import Call

BYTE_ORDER_MARK = "\ufeff"
"Some services put it before their text."

IN_URLS = ":/?#[]@!$&'()*+,;=%"
"What may stand in a URL besides letters, digits and `-._~` (RFC 3986 §2)."

Method = Literal["GET", "POST", "POST RAW", "PUT", "DELETE"]


class Rest(Module):
    """Send a request to a web service and keep its answer, parsed, in the module's variable.

    Parameters go into the URL's query (GET, DELETE) or a form (POST); a parameter that is a recording of the call is
    a file of that form. POST RAW and PUT send `body`, which is either text or, for JSON, an object whose texts may hold
    variables. Redirects are followed, three at most. An answer has at most 1 MiB; as JSON it is the value itself, as CSV
    a list of objects named by the first row, as XML an object of the root's children (repeated ones are a list,
    attributes begin with `@`, text beside either is `#text`), as TEXT a text, and as EMPTY null whatever was answered.
    `name$.status` is the HTTP status, undefined where no answer came. An answer that is no 2xx, cannot be parsed, or never
    comes leaves by `error` where that exit is joined; where it is not, the flow goes on with the variable undefined.
    """

    type: Literal["rest"] = "rest"
    icon: ClassVar[str] = "cloud-data-connection"

    method: Method = Field("GET", title="Request type")
    url: Text = Field(min_length=1, title="URL")
    parameters: Annotated[list[Pair], Field(max_length=100)] = Field(default_factory=list, title="Parameters")
    headers: Annotated[list[Pair], Field(max_length=50)] = Field(default_factory=list, title="Headers")
    body: Text | dict[str, Value] | list[Value] = Field("", title="Body (POST RAW and PUT)")
    return_type: Literal["JSON", "CSV", "XML", "TEXT", "EMPTY"] = Field("JSON", title="Return type")
    timeout_s: float = Field(10, ge=1, le=60, title="Time-out, seconds")
    hold_music: bool = Field(False, title="Hold music while the caller waits")

    _url: Template = PrivateAttr()
    _parameters: list[tuple[str, Template]] = PrivateAttr()
    _headers: list[tuple[str, Template]] = PrivateAttr()
    _body: Template | None = PrivateAttr()
    _hold: SpokenText = PrivateAttr()

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.body and self.method not in ("POST RAW", "PUT"):
            raise ValueError(f"body is sent by POST RAW and PUT; {self.method} has parameters")
        if self.parameters and self.method in ("POST RAW", "PUT"):
            raise ValueError(f"{self.method} sends body, not parameters")
        return self

    def attach(self, settings: Settings) -> None:
        self._hold = settings.hold
        self._url = Template(self.url)
        self._parameters = [(pair.name, Template(pair.value)) for pair in self.parameters]
        self._headers = [(pair.name, Template(pair.value)) for pair in self.headers]
        self._body = Template(self.body) if isinstance(self.body, str) else None

    def exits_optional(self) -> tuple[str, ...]:
        return ("error",)

    async def run(self, call: Call) -> str:
        for name in self.writes():
            # A service that does not answer now leaves nothing of an earlier visit.
            call.variables.values.pop(name, None)
        request = await self.request(call)
        match await call.fetch(request):
            case FetchFailed():
                problem = ""
            case Fetched(status=status, body=body):
                call.variables.set((f"{self.name}$",), {"status": status})
                problem = f"The service answered {status}"
                if 200 <= status < 300:
                    problem = self._keep(call, body, request.private)
        if problem:
            await call.log(problem, "error")
        elif self.name in call.variables.values:
            return "next"
        return "error" if "error" in self.exits else "next"

    def _keep(self, call: Call, body: str, private: bool) -> str:
        """Store the answer, as private as what was asked; what is wrong with it, if it cannot be."""
        try:
            self.store(call, PARSERS[self.return_type](body.removeprefix(BYTE_ORDER_MARK)), private=private)
        except ValueError as error:
            return f"The answer is not {self.return_type}: {error if not private else 'it cannot be parsed'}"
        return ""

    async def request(self, call: Call, *, delay_s: float = 0.0) -> Fetch:
        """The request as this call's variables have it."""
        filling = Filling(call, self.private)
        # What variables brought in and no URL can hold (blanks, letters with accents) is sent escaped.
        url = quote((await filling.text(self._url)).strip(), safe=IN_URLS)
        parameters = [(name, await filling.text(template)) for name, template in self._parameters]
        headers = [(name, " ".join((await filling.text(template)).split())) for name, template in self._headers]
        fields: tuple[tuple[str, str], ...] = ()
        body, media_type = "", ""
        if parameters and self.method == "POST":
            if any(RECORDING.fullmatch(value) for _, value in parameters):
                fields = tuple(parameters)
            else:
                body, media_type = urlencode(parameters), "application/x-www-form-urlencoded"
        elif self._body is not None:
            body, media_type = await filling.text(self._body), "text/plain; charset=utf-8"
        else:
            body, media_type = json.dumps(await filling.value(self.body), ensure_ascii=False), "application/json"
        if parameters and self.method != "POST":
            url += ("&" if "?" in url else "?") + urlencode(parameters)
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", media_type))
        method: Literal["GET", "POST", "PUT", "DELETE"] = "POST" if self.method == "POST RAW" else self.method
        hold = await self._hold.prompt(call) if self.hold_music and not call.caller_gone else ()
        return Fetch(
            method,
            url,
            body,
            tuple(headers),
            self.timeout_s,
            filling.private,
            fields=fields,
            hold=hold[0] if hold else None,
            delay_s=delay_s,
        )
