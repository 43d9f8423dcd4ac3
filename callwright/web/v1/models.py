"""Bodies of our own API."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from callwright.base.values import Value
from callwright.flow.application import TRANSCRIPT_MAX, TRANSCRIPTS_MAX
from callwright.flow.spoken import AUDIO_FILE, PlainWords
from callwright.services.audio_archive import Status
from callwright.sip.challenge import Digest

_CONFIG = ConfigDict(extra="forbid")
_READ = ConfigDict(from_attributes=True)
Label = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class Created(BaseModel):
    id: int


class Application(BaseModel):
    model_config = _READ

    id: int
    name: str
    created_at: float
    latest_version: int | None = Field(description="Number of the newest published version.")


class Name(BaseModel):
    model_config = _CONFIG

    name: Label


class Named(BaseModel):
    model_config = _CONFIG

    name: Label | None = Field(None, description="None: the template's.")


class Copy(BaseModel):
    model_config = _CONFIG

    name: Label
    version: int | None = Field(None, ge=1, lt=2**31, description="None: the draft.")


class Version(BaseModel):
    number: int
    created_at: float


class VersionDocument(Version):
    document: dict[str, Any]


class Finding(BaseModel):
    """One thing that is odd about an application. Only an error keeps it from being published."""

    model_config = _READ

    level: Literal["error", "warning"]
    kind: str = Field(description="variable, unreachable, cycle, audio, language or unfinished")
    message: str
    page: str
    module: str


class Published(BaseModel):
    number: int
    warnings: list[Finding]


class Dependencies(BaseModel):
    model_config = _READ

    applications: list[str]
    services: list[str] = Field(description="URLs, as they are written.")
    transfers: list[str] = Field(description="Destinations, as they are written.")
    mail: list[str]
    texts: list[str]
    audio: list[str] = Field(description="Names of the audio manager.")
    variables: list[str] = Field(description="Read and never set: they have to come with the call.")


class Inspection(BaseModel):
    model_config = _READ

    findings: list[Finding]
    dependencies: Dependencies


class Difference(BaseModel):
    """One change. `page` and `module` are empty where it is of the application as a whole."""

    model_config = _READ

    message: str
    page: str
    module: str


class Tests(BaseModel):
    model_config = _CONFIG

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
    model_config = _READ

    language: str
    name: str
    says_values: bool = Field(description="Dates, amounts and other typed values are said in it; else in English.")
    voice: str
    hears: bool = Field(description="Callers can speak in it where input is asked for.")


class Template(BaseModel):
    model_config = _READ

    name: str
    title: str
    description: str
    languages: list[str]
    variables: dict[str, Value] = Field(description="What to put in, and the values that they begin with.")
    needs: Dependencies


class NewDeployment(BaseModel):
    model_config = _CONFIG

    application_id: int = Field(ge=1, lt=2**63)
    version: int | None = Field(None, ge=1, lt=2**31, description="None: whatever is published last.")
    label: Label


class Deployment(BaseModel):
    model_config = _READ

    id: int
    application_id: int
    version: int | None
    label: str
    created_at: float


class NewNumber(BaseModel):
    model_config = _CONFIG

    address: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(description="Digits, or a SIP user part.")
    sms: bool = False
    is_pci: bool = Field(
        False,
        description="In the secure environment: of its calls nothing is kept but that they were; it takes no SMS.",
    )
    deployment_id: int | None = Field(None, ge=1, lt=2**63)


class NumberTarget(BaseModel):
    model_config = _CONFIG

    deployment_id: int | None = Field(ge=1, lt=2**63)


class Number(BaseModel):
    model_config = _READ

    id: int
    address: str
    sms: bool
    is_pci: bool
    deployment_id: int | None
    created_at: float


class NewTrunk(BaseModel):
    """A SIP peer for outbound calls. It is trusted to carry them; nothing is sent to it but calls of this account."""

    model_config = _CONFIG

    name: Label
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
    port: int = Field(
        5060,
        ge=0,
        le=65535,
        description="5061 is usual for TLS. 0: DNS says where `host` is (NAPTR, SRV), and where else.",
    )
    transport: Literal["udp", "tcp", "tls"] = Field(
        "udp",
        description="tls: the certificate that the peer shows has to be for `host`. With port 0, udp leaves the choice to NAPTR.",
    )
    prefix: Annotated[str, Field(pattern=r"^[0-9]{0,15}$")] = Field(
        "", description="Numbers it takes; the longest wins."
    )
    channels: int = Field(10, ge=1, le=10_000)
    calls_per_second: float = Field(1, ge=0.01, le=1000)
    caller_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z._+-]{0,64}$")] = ""
    enabled: bool = True
    username: Annotated[str, Field(pattern=r'^[^\x00-\x1f\x7f"\\]{0,100}$')] = Field(
        "", description="Who we are to a peer that challenges (digest); empty where it knows us by our address."
    )
    password: str = Field(
        "", max_length=200, repr=False, description="Kept sealed, and shown as ***, which leaves it as it is."
    )
    addresses: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list,
        max_length=50,
        description="IP networks that its calls come from, such as 203.0.113.0/24, beside the address of `host`.",
    )
    registers: bool = Field(
        False, description="We register with it, as `username`; calls that come this way are known."
    )
    register_expires_s: int = Field(3600, ge=60, le=86_400, description="How long we ask to be registered.")
    deployment_id: int | None = Field(
        None, ge=1, lt=2**63, description="Takes its calls that none of your numbers takes."
    )
    from_user: Literal["caller", "username"] = Field("caller", description="Who stands in From.")
    asserts_identity: bool = Field(False, description="Tell it the caller in P-Asserted-Identity (RFC 3325).")
    remote_party_id: bool = Field(False, description="Tell it the caller in Remote-Party-ID.")
    srtp: bool = Field(
        False,
        description="Calls to it offer SRTP alone; by tls only, and where the engine has `pip install callwright[srtp]`. "
        "Its own calls may always offer it.",
    )
    codecs: list[Annotated[str, Field(max_length=20)]] = Field(
        default_factory=list,
        max_length=20,
        description="pcmu, pcma, g722, opus: those that are offered to it and taken of its offers, in this order. None: those of "
        "the engine (`callwright up --codecs`), and of its offers the first that is known.",
    )
    certificate_authority: str = Field(
        "",
        max_length=20_000,
        description="Certificates in PEM; by tls one of them has to have signed the one that the peer shows, and nobody else. "
        "Empty: those that the engine's machine trusts.",
    )
    withholds_caller: bool = Field(False, description="From is anonymous, and Privacy: id asks it to tell nobody.")
    trusts_identity: bool = Field(False, description="Its callers are who its P-Asserted-Identity says.")


class NewPhone(BaseModel):
    """A telephone that registers with its name and its secret."""

    model_config = _CONFIG

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        description="Its user name, which no other phone of the platform has."
    )
    extension: Annotated[str, Field(pattern=r"^([0-9]{2,6})?$")] = Field(
        "", description="2 to 6 digits, by which the account's phones and applications call it."
    )
    display_name: str = Field("", max_length=100)
    enabled: bool = True
    calls_out: bool = Field(False, description="It may call by the account's trunks.")
    digest: Digest = Field(
        "md5",
        description="What it answers challenges with. Some phones cannot register where they are offered SHA-256 at all.",
    )
    secret: str = Field(
        "", max_length=200, repr=False, description="8 characters or more; empty: a new phone gets a random one."
    )


class CreatedPhone(Created):
    secret: str = Field(description="Shown this once.")


class Phone(BaseModel):
    model_config = _READ

    id: int
    name: str
    extension: str | None
    display_name: str
    enabled: bool
    calls_out: bool
    digest: Digest
    created_at: float
    registered: int = Field(description="Places where it is registered now.")


class Binding(BaseModel):
    """A place where a phone is registered."""

    model_config = _READ

    uri: str = Field(description="Its Contact.")
    host: str = Field(description="Where the REGISTER came from.")
    port: int
    transport: str
    user_agent: str
    registered_at: float
    expires_at: float


class PhoneWithBindings(Phone):
    bindings: list[Binding]


class Registration(BaseModel):
    """How our registration with a trunk stands."""

    model_config = _READ

    state: Literal["waiting", "registered", "failed"]
    reason: str = Field(description="Why it failed; it is tried again.")
    expires_at: float | None
    changed_at: float


class Trunk(NewTrunk):
    model_config = _READ

    id: int
    registration: Registration | None = Field(description="Of one that we register with.")


class Account(BaseModel):
    model_config = _READ

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
    model_config = _CONFIG

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
    model_config = _CONFIG

    time_zone: str = Field("America/New_York", max_length=100, description="Of DEV's log lines: an IANA name.")
    details_days: int | None = Field(
        None, ge=0, description="Keep detailed logs so many days; null: as long as the platform does."
    )
    calls_days: int | None = Field(None, ge=1, description="The same for calls and their errors.")


class Call(BaseModel):
    model_config = _READ

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
    model_config = _READ

    number: int
    at: float
    status: int | None
    error: str
    duration_ms: int


class Attempt(BaseModel):
    """One time that a call was dialled."""

    model_config = _READ

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
    model_config = _CONFIG

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
    model_config = _READ

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
