"""What every process of one machine is told: written by `callwright up`, read by its children."""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

LogFormat = Literal["plain", "json"]
"Lines for people, or a JSON object a line."


@dataclass(frozen=True, slots=True)
class Config:
    """Settings shared by the processes of one `callwright up`. Ports are bound by their process, 0 is not allowed here."""

    data_dir: str
    "Absolute; holds audio/, prompts/, recordings/, run/, logs/."

    database_url: str
    "postgresql://… as asyncpg takes it (a UNIX socket as `?host=/path`)."

    http_host: str = "127.0.0.1"
    http_port: int = 8080
    tls_cert: str = ""
    "PEM file of the certificate chain that HTTPS shows, absolute; empty: HTTP."

    tls_key: str = ""
    "PEM file of its private key."

    public_url: str = ""
    "Where clients reach the API, without a slash at its end; empty: as each of them asks for it."

    sip_host: str = "127.0.0.1"
    sip_port: int = 5060
    sip_tcp: tuple[str, int] | None = None
    "Where SIP is taken over TCP too."

    sip_tls: tuple[str, int] | None = None
    "The same over TLS, with the certificate of HTTPS."

    name_server: tuple[str, int] | None = None
    "Who is asked where SIP servers are (NAPTR, SRV); None: the name servers of this machine."

    public_ip: str = ""
    "Of a NAT before this machine: by which peers in no private network reach SIP and audio, at the same ports. Empty: none."

    rtp_port_min: int = 10000
    rtp_port_max: int = 18998
    codecs: str = ""
    "Audio codecs by name, with commas between, in the order in which they are offered; empty: all that are installed."

    rtp_timeout_s: float = 60.0
    "A far end that has sent nothing for so long has gone, and its call ends; 0: never."

    phone_host: str = "127.0.0.1"
    phone_port: int = 5062
    "Where the built-in test phone's SIP user agent listens (UDP), always on loopback."

    allow_urls: tuple[str, ...] = ()
    "CIDRs that URLs given by users may reach although they are private."

    channels: int = 1000
    "Most calls at once that this engine carries; also the size of a server id's channel range."

    ring_s: float = 60.0
    "How long a telephone rings before an outbound call is given up."

    callee_s: float = 4.0
    "After so long at most it is told who has answered an outbound call: a person, a machine, a fax machine. 0: never."

    sealing_key: str = ""
    "Of what is kept sealed in the database (`store.sealing`); the same on every machine of a platform."

    log_format: LogFormat = "plain"

    smtp_url: str = ""
    "`smtp://user:password@host:587` or `smtps://…`: where e-mail goes; empty: none is sent."

    mail_from: str = "callwright@localhost"
    "Who sends it."

    @property
    def sip_to_ask(self) -> str:
        """host:port where this machine reaches the engine: `0.0.0.0` and `::` are no place to send to."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.sip_host, self.sip_host)
        return f"[{host}]:{self.sip_port}" if ":" in host else f"{host}:{self.sip_port}"

    @property
    def run_dir(self) -> Path:
        return Path(self.data_dir) / "run"

    @property
    def metrics_dir(self) -> Path:
        """Where each process writes its figures."""
        return self.run_dir / "metrics"

    @property
    def metrics_token(self) -> str:
        """Whoever has it may read the figures; empty where there is no sealing key to make it of."""
        return metrics_token(self.sealing_key)

    @property
    def pool_socket(self) -> Path:
        """UNIX socket of the pool process."""
        return self.run_dir / "pool.sock"

    @property
    def secrets_file(self) -> Path:
        """The first account's secrets, mode 0600."""
        return Path(self.data_dir) / "secrets.json"

    @property
    def phone_events(self) -> Path:
        """What the test phone notices, a JSON object a line."""
        return self.run_dir / "phone.jsonl"

    @property
    def audio_dir(self) -> Path:
        """Accounts' audio files."""
        return Path(self.data_dir) / "audio"

    @property
    def recordings_dir(self) -> Path:
        return Path(self.data_dir) / "recordings"

    @property
    def messages_dir(self) -> Path:
        """What callers leave in a call, until it ends; a folder for each call."""
        return Path(self.data_dir) / "messages"

    @property
    def secure_messages_dir(self) -> Path:
        """The same for calls in the secure environment: in memory, where the machine has a file system for that."""
        memory = Path("/dev/shm")
        if not memory.is_dir():
            return Path(self.data_dir) / "messages-secure"
        return memory / f"callwright-{hashlib.sha256(self.data_dir.encode()).hexdigest()[:16]}"

    @property
    def loopback_only(self) -> bool:
        """HTTP is bound to loopback, so users' URLs may reach loopback too."""
        return self.http_host in ("127.0.0.1", "::1", "localhost")

    def save(self, path: Path) -> None:
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, path: Path) -> "Config":
        fields = json.loads(path.read_text())
        fields["allow_urls"] = tuple(fields["allow_urls"])
        for name in ("sip_tcp", "sip_tls"):
            fields[name] = tuple(fields[name]) if fields[name] else None
        return cls(**fields)


def metrics_token(sealing_key: str) -> str:
    """Of a platform with this key."""
    return hmac.digest(sealing_key.encode(), b"callwright metrics", "sha256").hex()[:40] if sealing_key else ""
