"""E-mail by SMTP (RFC 5321), through the one server that the platform is told of (`--smtp-url`)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import make_msgid
from urllib.parse import unquote, urlsplit

import aiosmtplib

from callwright.base.errors import ProviderError

SEND_S_MAX = 30.0
MAIL_BYTES_MAX = 25 << 20
"Most servers take no more than 25 MB; with its encoding an attachment grows by a third."


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    media_type: str = "audio/wav"


class Mailer:
    """Sends mail. `url` is `smtp://user:password@host:587` (STARTTLS where offered) or `smtps://…:465`; empty: none is sent."""

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        self._sender = sender

    async def send(
        self, to: Sequence[str], subject: str, body: str, *, reply_to: str = "", attachments: Sequence[Attachment] = ()
    ) -> str:
        """Returns the Message-ID once the server has taken it for every address. Raises `ProviderError`."""
        if not self._url.hostname:
            raise ProviderError("no mail server is set: start with --smtp-url and --mail-from")
        message = self._message(to, subject, body, reply_to, attachments)
        tls = self._url.scheme == "smtps"
        try:
            async with asyncio.timeout(SEND_S_MAX):
                refused, _ = await aiosmtplib.send(
                    message,
                    hostname=self._url.hostname,
                    port=self._url.port or (465 if tls else 587),
                    username=unquote(self._url.username) if self._url.username else None,
                    password=unquote(self._url.password) if self._url.password else None,
                    use_tls=tls,
                )
        except TimeoutError:
            raise ProviderError(f"the mail server did not answer within {SEND_S_MAX:g} s", retryable=True) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise ProviderError(f"the mail server did not take the mail: {_reason(error)}", retryable=True) from None
        if refused:
            raise ProviderError(f"the mail server refused {', '.join(refused)}")
        return str(message["Message-ID"])

    def _message(
        self, to: Sequence[str], subject: str, body: str, reply_to: str, attachments: Sequence[Attachment]
    ) -> EmailMessage:
        if sum(len(one.content) for one in attachments) + len(body) > MAIL_BYTES_MAX * 3 // 4:
            raise ProviderError(f"a mail has at most {MAIL_BYTES_MAX >> 20} MB")
        message = EmailMessage()
        try:
            message["From"] = self._sender
            message["To"] = ", ".join(to)
            # A subject is one line, whatever a variable brought into it.
            message["Subject"] = " ".join(subject.split())
            if reply_to:
                message["Reply-To"] = reply_to
        except (ValueError, MessageError, IndexError) as error:
            raise ProviderError(f"this is no mail address: {error}") from None
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2] or None)
        message.set_content(body)
        for one in attachments:
            kind, _, subtype = one.media_type.partition("/")
            message.add_attachment(one.content, maintype=kind, subtype=subtype, filename=one.name)
        return message


def _reason(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(f"{one.recipient}: {one.code} {one.message}" for one in error.recipients)
    return str(error) or type(error).__name__
