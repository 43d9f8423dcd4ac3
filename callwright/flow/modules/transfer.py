"""Join the caller with somebody else."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from callwright.flow.destinations import FORMS, Destination, destination
from callwright.flow.filling import Filling, Pair
from callwright.flow.module import Module, Settings
from callwright.flow.spoken import PromptText, SpokenText
from callwright.flow.texts import Text
from callwright.script.template import Template
from callwright.session.commands import Transfer as TransferCommand
from callwright.session.commands import TransferKind
from callwright.session.run import Call, CallerHungUp
from callwright.sip import custom_headers


class Transfer(Module):
    """Call somebody and join the two; when the other hangs up, the flow goes on with the caller.

    The destination is ten digits, formatted or not; `tel:+18887776666`, with `;ani=` for the caller id and `;postd=`
    for keys to press after the answer; the extension of a phone that registers here; or a SIP address, which for such a phone
    is `sip:NAME@callwright`. The module's variable says what became of it: `noanswer`,
    `busy`, `far_end_disconnect`, `maxtime_disconnect`, or null where the caller hung up; `name$.duration` is in seconds:
    null before the transfer began, 0 while it rang. With custom errors there are the exits `no_answer` (the connect
    time-out) and `error` (it cannot be called, which also leaves null); without, or where they are not joined, both end the
    call. Headers are sent to SIP addresses only; a field that is given twice is sent once, as given last. Keys that either
    presses while they are joined are passed on to the other. A transfer lasts as long as a call may at most.

    `kind` says who dials. `bridge`: Callwright, and it stays between the two. `blind`: the caller's own telephone or trunk (SIP:
    REFER); the call ends here once the other has answered it, and the variable is `transferred`. `consultation`: Callwright,
    and it leaves the two to each other after the answer. Where the caller's side cannot, both become a bridge, and the call's
    log says so. A blind transfer has no caller id and no keys of its own.
    """

    type: Literal["transfer"] = "transfer"
    icon: ClassVar[str] = "phone-outgoing"
    waits: ClassVar[bool] = True

    prompt: PromptText = Field("", title="Prompt")
    destination: Text = Field(min_length=1, title="Destination")
    hold_music: bool = Field(False, title="Hold music in place of ringing")
    custom_errors: bool = Field(False, title="Exits for errors and no answer")
    connect_timeout_s: float = Field(30, ge=1, le=180, title="Connect time-out, seconds")
    duration_max_s: float = Field(0, ge=0, le=14_400, title="Longest transfer, seconds; 0: no limit")
    kind: TransferKind = Field("bridge", title="Who dials, and whether the call stays here")
    headers: Annotated[list[Pair], Field(max_length=custom_headers.COUNT_MAX)] = Field(
        default_factory=list, title="SIP headers"
    )

    _prompt: SpokenText = PrivateAttr()
    _hold: SpokenText = PrivateAttr()
    _destination: Template = PrivateAttr()
    _headers: list[tuple[str, Template]] = PrivateAttr()

    @model_validator(mode="after")
    def _valid(self) -> Self:
        for header in self.headers:
            if not custom_headers.is_allowed(header.name):
                raise ValueError(f"a SIP header is User-to-User or begins with x-, not {header.name}")
        if "{{" not in self.destination:
            found = destination(self.destination)
            if found is None:
                raise ValueError(f"destination is {FORMS}")
            if self.headers and not found.is_sip:
                raise ValueError("headers are sent to SIP addresses only, and destination is none")
        return self

    def attach(self, settings: Settings) -> None:
        self._prompt = SpokenText(self.prompt, private=self.private)
        self._hold = settings.hold
        self._destination = Template(self.destination)
        self._headers = [(header.name, Template(header.value)) for header in self.headers]

    def exits_optional(self) -> tuple[str, ...]:
        return ("no_answer", "error") if self.custom_errors else ()

    async def run(self, call: Call) -> str:
        filling = Filling(call, self.private)
        text = await filling.text(self._destination)
        found = destination(text)
        self._tell(call, None, None, filling.private)
        if found is None:
            shown = "[private]" if filling.private else repr(text)
            await call.log(f"The destination {shown} is none; it is {FORMS}", "error")
            return "error"
        if self.headers and not found.is_sip:
            await call.log("SIP headers are sent to SIP addresses only, and are left out", "error")
        command = await self._command(call, found, filling)
        if custom_headers.are_too_long(value for _, value in command.headers):
            await call.log(f"SIP headers have at most {custom_headers.CHARACTERS_MAX} characters in all", "error")
            return "error"
        try:
            ended = await call.transfer(command)
        except CallerHungUp as gone:
            transferred_s = gone.event.transferred_s if gone.event else None
            left = gone.event is not None and gone.event.by == "application" and transferred_s is not None
            self._tell(call, "transferred" if left else None, transferred_s, filling.private)
            raise
        if ended.outcome == "error":
            await call.log(f"The transfer failed: {'[private]' if filling.private else ended.reason}", "error")
            return "error"
        self._tell(call, ended.outcome, ended.duration_s, filling.private)
        return "no_answer" if ended.outcome == "noanswer" else "next"

    def _tell(self, call: Call, outcome: str | None, duration_s: float | None, private: bool) -> None:
        self.store(call, outcome, private=private)
        call.variables.set((f"{self.name}$",), {"duration": duration_s}, private=private)

    async def _command(self, call: Call, found: Destination, filling: Filling) -> TransferCommand:
        headers = [(name, await filling.text(template)) for name, template in self._headers] if found.is_sip else []
        hold = await self._hold.prompt(call) if self.hold_music else ()
        return TransferCommand(
            found.target,
            await self._prompt.prompt(call),
            found.caller_id,
            found.keys_after,
            self.connect_timeout_s,
            self.duration_max_s,
            hold[0] if hold else None,
            tuple(headers),
            filling.private,
            self.kind,
        )
