"""HOST:PORT as options take it, and whether a port is free."""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Any

import click

from callwright.sip.address import plain_ip


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0: any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_link_local(self) -> bool:
        """Of IPv6: it means something on one network of this machine alone."""
        try:
            return ipaddress.IPv6Address(self.host).is_link_local
        except ValueError:
            return False

    @property
    def to_ask(self) -> "Address":
        """Where this machine reaches it: `0.0.0.0` and `::` are no place to connect to."""
        return Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host), self.port)

    def url(self, *, tls: bool) -> str:
        """Of the API there, for this machine."""
        return f"http{'s' if tls else ''}://{self.to_ask}"

    def claim(self, kind: socket.SocketKind) -> "Address":
        """This address with a port that is free now. Raises `OSError` where its own is taken, or its host not ours."""
        family, _, _, _, where = socket.getaddrinfo(self.host, self.port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                # Connections of the last run that linger (TIME_WAIT) take no port away; a listener does.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            return Address(self.host, probe.getsockname()[1])


class AddressType(click.ParamType[Address]):
    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, Address):
            return value
        host, _, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
            self.fail(f"{value!r} is not of the form HOST:PORT, such as 127.0.0.1:8080.", param, ctx)
        return Address(plain_ip(host), int(port))
