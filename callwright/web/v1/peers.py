"""What trunks and phones look like over /v1."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from callwright.sip.challenge import Digest
from callwright.web.v1.models import READ, SENT, Created, Label


class NewTrunk(BaseModel):
    """A SIP peer for outbound calls. It is trusted to carry them; nothing is sent to it but calls of this account."""

    model_config = SENT

    name: Label
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{0,253}$")] = Field(
        "",
        description="Where it is called. Only a trunk with a `peer_username` needs none: it calls, and is not called.",
    )
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
    peer_username: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = Field(
        "",
        description="Who it is to us: its calls show this name in From or Contact, from anywhere, and are challenged. No other "
        "trunk or phone of the platform has it.",
    )
    peer_secret: str = Field(
        "",
        max_length=200,
        repr=False,
        description="With which it answers: 8 characters or more. Kept sealed, and shown as ***, which leaves it as it is.",
    )
    peer_digest: Digest = Field("md5", description="What it answers with.")
    withholds_caller: bool = Field(False, description="From is anonymous, and Privacy: id asks it to tell nobody.")
    trusts_identity: bool = Field(False, description="Its callers are who its P-Asserted-Identity says.")


class Registration(BaseModel):
    """How our registration with a trunk stands."""

    model_config = READ

    state: Literal["waiting", "registered", "failed"]
    reason: str = Field(description="Why it failed; it is tried again.")
    expires_at: float | None
    changed_at: float


class Trunk(NewTrunk):
    model_config = READ

    id: int
    registration: Registration | None = Field(description="Of one that we register with.")


class NewPhone(BaseModel):
    """A telephone that registers with its name and its secret."""

    model_config = SENT

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
    model_config = READ

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

    model_config = READ

    uri: str = Field(description="Its Contact.")
    host: str = Field(description="Where the REGISTER came from.")
    port: int
    transport: str
    user_agent: str
    registered_at: float
    expires_at: float


class PhoneWithBindings(Phone):
    bindings: list[Binding]
