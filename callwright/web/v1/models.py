"""Bodies of our own API."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from callwright.base.values import Value
from callwright.flow.application import TRANSCRIPT_MAX, TRANSCRIPTS_MAX
from callwright.flow.spoken import AUDIO_FILE, PlainWords
from callwright.services.audio_archive import Status

SENT = ConfigDict(extra="forbid")
"Of what a client sends: a field that is not known is refused."

READ = ConfigDict(from_attributes=True)
"Of what it is shown, made of a row."

Label = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class Created(BaseModel):
    id: int


class Application(BaseModel):
    model_config = READ

    id: int
    name: str
    created_at: float
    latest_version: int | None = Field(description="Number of the newest published version.")


class Name(BaseModel):
    model_config = SENT

    name: Label


class Named(BaseModel):
    model_config = SENT

    name: Label | None = Field(None, description="None: the template's.")


class Copy(BaseModel):
    model_config = SENT

    name: Label
    version: int | None = Field(None, ge=1, lt=2**31, description="None: the draft.")


class Version(BaseModel):
    number: int
    created_at: float


class VersionDocument(Version):
    document: dict[str, Any]


class Finding(BaseModel):
    """One thing that is odd about an application. Only an error keeps it from being published."""

    model_config = READ

    level: Literal["error", "warning"]
    kind: str = Field(description="variable, unreachable, cycle, audio, language or unfinished")
    message: str
    page: str
    module: str


class Published(BaseModel):
    number: int
    warnings: list[Finding]


class Dependencies(BaseModel):
    model_config = READ

    applications: list[str]
    services: list[str] = Field(description="URLs, as they are written.")
    transfers: list[str] = Field(description="Destinations, as they are written.")
    mail: list[str]
    texts: list[str]
    audio: list[str] = Field(description="Names of the audio manager.")
    variables: list[str] = Field(description="Read and never set: they have to come with the call.")


class Inspection(BaseModel):
    model_config = READ

    findings: list[Finding]
    dependencies: Dependencies


class Difference(BaseModel):
    """One change. `page` and `module` are empty where it is of the application as a whole."""

    model_config = READ

    message: str
    page: str
    module: str


class Tests(BaseModel):
    model_config = SENT

    transcripts: dict[
        Annotated[str, Field(min_length=1, max_length=100)], Annotated[str, Field(max_length=TRANSCRIPT_MAX)]
    ] = Field(max_length=TRANSCRIPTS_MAX, description="Texts of transcripts by name; they are played, and not kept.")


class TestResult(BaseModel):
    name: str
    passed: bool
    problem: str
    call: list[str] = Field(description="The call as it went, line by line.")


class ModulesTried(BaseModel):
    tried: int
    all: int


class ExitsTaken(BaseModel):
    taken: int
    all: int
    missed: list[str] = Field(description="Exits that no transcript has taken, as `module: exit`.")


class TestResults(BaseModel):
    transcripts: list[TestResult]
    modules: ModulesTried
    exits: ExitsTaken


class Language(BaseModel):
    model_config = READ

    language: str
    name: str
    says_values: bool = Field(description="Dates, amounts and other typed values are said in it; else in English.")
    voice: str
    hears: bool = Field(description="Callers can speak in it where input is asked for.")


class Template(BaseModel):
    model_config = READ

    name: str
    title: str
    description: str
    languages: list[str]
    variables: dict[str, Value] = Field(description="What to put in, and the values that they begin with.")
    needs: Dependencies


class NewDeployment(BaseModel):
    model_config = SENT

    application_id: int = Field(ge=1, lt=2**63)
    version: int | None = Field(None, ge=1, lt=2**31, description="None: whatever is published last.")
    label: Label


class Deployment(BaseModel):
    model_config = READ

    id: int
    application_id: int
    version: int | None
    label: str
    created_at: float


class NewNumber(BaseModel):
    model_config = SENT

    address: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(description="Digits, or a SIP user part.")
    sms: bool = False
    is_pci: bool = Field(
        False,
        description="In the secure environment: of its calls nothing is kept but that they were; it takes no SMS.",
    )
    deployment_id: int | None = Field(None, ge=1, lt=2**63)


class NumberTarget(BaseModel):
    model_config = SENT

    deployment_id: int | None = Field(ge=1, lt=2**63)


class Number(BaseModel):
    model_config = READ

    id: int
    address: str
    sms: bool
    is_pci: bool
    deployment_id: int | None
    created_at: float


class Account(BaseModel):
    model_config = READ

    email: str = Field(description="Yours.")
    demo: bool = Field(description="Has no logs over DEV's API.")
    time_zone: str
    details_days: int | None
    calls_days: int | None
    notification_url: str
    notification_email: str
    sms_refusal_in_response: bool
    sms_blocks_account: bool


class AccountTexting(BaseModel):
    model_config = SENT

    notification_url: str = Field(
        "", max_length=2_000, description="Gets a POST of each text that was refused, as JSON: status and error."
    )
    notification_email: str = Field("", max_length=254, description="Gets a mail of the same.")
    sms_refusal_in_response: bool = Field(
        False, description="A text to somebody who has stopped them is refused by Queue SMS at once."
    )
    sms_blocks_account: bool = Field(
        False, description="Who stops the texts of one number stops those of all your numbers."
    )


class Logging(BaseModel):
    model_config = SENT

    time_zone: str = Field("America/New_York", max_length=100, description="Of DEV's log lines: an IANA name.")
    details_days: int | None = Field(
        None, ge=0, description="Keep detailed logs so many days; null: as long as the platform does."
    )
    calls_days: int | None = Field(None, ge=1, description="The same for calls and their errors.")


class Call(BaseModel):
    model_config = READ

    session_id: str
    direction: str
    src: str
    dest: str
    started_at: float
    ended_at: float | None
    outcome: str
    cause: str
    outbound_call_id: int | None
    application_id: int | None


class LogLine(BaseModel):
    at: int
    level: str
    line: str
    data: dict[str, Value]


class CallWithLog(Call):
    variables: dict[str, Value] = Field(description="That the call began with: the metadata of an outbound call.")
    transcript: str
    log: list[LogLine]
    recording_url: str | None


class CallbackTry(BaseModel):
    model_config = READ

    number: int
    at: float
    status: int | None
    error: str
    duration_ms: int


class Attempt(BaseModel):
    """One time that a call was dialled."""

    model_config = READ

    dialed_at: float
    connected_at: float | None
    ended_at: float | None
    outcome: str = Field(
        description="completed, no_answer, busy, unreachable, congestion, rejected or failed; empty while it goes on."
    )
    sip_status: int | None = Field(description="That it was refused with.")
    cause: str = Field(description="The status and its reason, with what the telephone network said (Q.850).")
    sip_call_id: str = Field(description="Its Call-ID, by which the trunk finds it in its own log.")


class OutboundCall(BaseModel):
    """Where a call stands, with what Plum's reply leaves out."""

    id: int
    details: dict[str, Value]
    cause: str
    callee_type: str = Field(
        description="Who answered: voice, answeringmachine, fax or unknown; empty until the call is over, and where nobody did."
    )
    attempts: list[Attempt]
    calls: list[Call]
    callback_tries: list[CallbackTry]


class DeveloperKey(BaseModel):
    developer_key: str = Field(description="Shown this once.")


class AudioFile(BaseModel):
    audio: str = Field(description="The name that a prompt's `audio` takes.")


class NewPrompt(BaseModel):
    model_config = SENT

    audio: Annotated[str, Field(pattern=AUDIO_FILE)] | None = Field(
        None, description="A file of the account's; None: not recorded yet."
    )
    words: PlainWords = Field("", description="What is said in it, and spoken in its place where there is no file.")


class Prompt(NewPrompt):
    """A prompt of the audio manager in one language."""

    id: int
    name: str
    language: str
    duration_ms: int | None
    changed_at: float
    changed_by: str = Field(description="E-mail.")


class UploadedFile(BaseModel):
    model_config = READ

    file: str = Field(description="Its path in the archive; empty: the rest of it.")
    status: Status
    name: str
    language: str
    duration_ms: int | None
    reason: str


class Upload(BaseModel):
    """What became of each file of an archive."""

    dry_run: bool
    counts: dict[Status, int] = Field(description="Files of each status; those of which there are none are left out.")
    files: list[UploadedFile]
