"""Carriers over SMPP 3.4: a link to the SMSC, bound as a transceiver, over which texts and receipts go both ways."""

import ssl
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from callwright.base.trust import trusting
from callwright.ports.carrier import Carrier
from callwright.providers.carriers.account import CarrierAccount, Surroundings
from callwright.providers.carriers.smpp_link import SmppLink, Way
from callwright.sms.smpp import Address, Bind
from callwright.sms.smpp_texts import DefaultAlphabet

_ASCII = r"^[\x20-\x7e]*$"
Ton = Annotated[int, Field(ge=0, le=6)]
Npi = Annotated[int, Field(ge=0, le=18)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,10}$")]


class Smpp(CarrierAccount):
    """Texts by an SMSC, over a link that speaks SMPP 3.4."""

    secrets: ClassVar[tuple[str, ...]] = ("password",)

    type: Literal["smpp"] = "smpp"
    host: str = Field(min_length=1, max_length=253, pattern=r"^[0-9A-Za-z.:_-]+$", title="Host of the SMSC")
    port: int = Field(2775, ge=1, le=65535, title="Port")
    system_id: str = Field(min_length=1, max_length=15, pattern=_ASCII, title="System id")
    # The book has 8; some SMSCs take longer ones all the same.
    password: str = Field("", max_length=64, pattern=_ASCII, title="Password")
    system_type: str = Field("", max_length=12, pattern=_ASCII, title="System type")
    tls: bool = Field(False, title="Over TLS")
    tls_ca: str = Field("", max_length=20_000, title="Certificates that TLS trusts, as PEM, in place of the usual")
    window: int = Field(10, ge=1, le=200, title="Texts that may be unanswered at once")
    enquire_link_s: int = Field(30, ge=1, le=3600, title="Seconds of silence until the link is tested")
    address_range: str = Field("", max_length=40, pattern=_ASCII, title="Address range of the bind")
    address_ton: Ton = Field(0, title="Type of number of the address range")
    address_npi: Npi = Field(0, title="Numbering plan of the address range")
    source_ton: Ton = Field(1, title="Type of number of our numbers")
    source_npi: Npi = Field(1, title="Numbering plan of our numbers")
    destination_ton: Ton = Field(1, title="Type of number of handsets")
    destination_npi: Npi = Field(1, title="Numbering plan of handsets")
    service_type: str = Field("", max_length=5, pattern=_ASCII, title="Service type")
    default_alphabet: DefaultAlphabet = Field("gsm7", title="What the SMSC reads as data coding 0")
    concatenation: Literal["udh", "sar"] = Field("udh", title="How joined parts are marked: header, or parameters")
    receipt_ids: Literal["same", "decimal", "hexadecimal"] = Field(
        "same", title="How receipts write the id of an answer, where it is in the other base"
    )
    not_mobile_errors: list[Code] = Field(
        default_factory=list, max_length=20, title="Errors of receipts, and statuses of answers, that mean a landline"
    )

    @model_validator(mode="after")
    def _trusts(self) -> Self:
        if self.tls_ca:
            try:
                trusting(self.tls_ca)
            except (ssl.SSLError, ValueError):
                raise ValueError("tls_ca holds no certificate in PEM") from None
        return self

    def _tls(self) -> ssl.SSLContext:
        return trusting(self.tls_ca) if self.tls_ca else ssl.create_default_context()

    def link(self, surroundings: Surroundings) -> Carrier:
        return SmppLink(
            self.host,
            self.port,
            surroundings.http.guard,
            Bind(
                self.system_id,
                self.password,
                self.system_type,
                Address(self.address_range, self.address_ton, self.address_npi),
            ),
            Way(
                source=Address("", self.source_ton, self.source_npi),
                destination=Address("", self.destination_ton, self.destination_npi),
                service_type=self.service_type,
                alphabet=self.default_alphabet,
                by_header=self.concatenation == "udh",
                receipt_ids=self.receipt_ids,
                not_mobile=frozenset(code.upper() for code in self.not_mobile_errors),
            ),
            window=self.window,
            silence_s=self.enquire_link_s,
            tls=self._tls() if self.tls else None,
        )
