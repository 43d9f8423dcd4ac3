"""The certificate that HTTPS shows, looked at before anything is started with it."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from callwright.base.errors import CallwrightError
from callwright.base.trust import trusting


class BadTLS(CallwrightError):
    """What of the certificate, its key or the public URL the user has to change, in one line."""


def check_tls(cert: Path | None, key: Path | None) -> None:
    """Raises `BadTLS` where they are not a certificate and its private key, or only one of them is given."""
    if cert is None and key is None:
        return
    if cert is None or key is None:
        raise BadTLS("--tls-cert and --tls-key belong together: give both, or neither")
    for option, path in (("--tls-cert", cert), ("--tls-key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise BadTLS(f"{option} {path} cannot be read: {error.strerror}") from None
    try:
        trust(cert)
    except (ssl.SSLError, ValueError):
        raise BadTLS(f"--tls-cert {cert} holds no certificate in PEM form") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadTLS(f"--tls-key {key} is not the key of the certificate in {cert}") from None
        if error.reason == "BAD_PASSWORD_READ":
            raise BadTLS(
                f"--tls-key {key} is encrypted; write it without its password: openssl pkey -in KEY -out PLAIN"
            ) from None
        raise BadTLS(f"--tls-key {key} holds no private key in PEM form") from None


def _no_password() -> bytes:
    """Asked for an encrypted key: without it OpenSSL would ask at the terminal."""
    return b""


def trust(cert: Path) -> ssl.SSLContext:
    """For a client on this machine that is to meet exactly this certificate, whatever name it bears and whoever signed it."""
    context = trusting(cert.read_text("ascii", "replace"))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def public_url(text: str, option: str = "--public-url") -> str:
    """A URL that others reach, without the slash at its end. Raises `BadTLS`, which names the option."""
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid or url.query or url.fragment or url.username is not None or any(c <= " " or c in '<>"' for c in text):
        raise BadTLS(f"{option} {text} is not of the form https://HOST[:PORT][/PATH]")
    return text.rstrip("/")
