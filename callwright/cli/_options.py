"""The options that `up` and `demo` share: where things are kept, and where they listen."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from callwright.cli._address import Address, AddressType

PHONE_PORT = 5062


def default_data_dir() -> Path:
    """~/.local/share/callwright, or where the XDG base directory specification says."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "callwright"


def phone_of(phone: Address | None, sip: Address) -> Address:
    """Where the test phone listens when it is not said: of SIP's family, and at a free port where SIP has one too."""
    host = "::1" if ":" in sip.host and sip.host != "::" else "127.0.0.1"
    return phone or Address(host, PHONE_PORT if sip.port else 0)


def data_option_of(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --data, whose help says what the directory is to the command."""
    return click.option(
        "--data",
        "data_dir",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="CALLWRIGHT_DATA",
        default=default_data_dir,
        show_default="~/.local/share/callwright",
        help=f"{help} Or set CALLWRIGHT_DATA.",
    )


data_option = data_option_of("Where everything is kept: database, recordings, prompts, logs, secrets.")

_OPTIONS = (
    data_option,
    click.option(
        "--http", type=AddressType(), default="127.0.0.1:8080", show_default=True, help="Where the API listens."
    ),
    click.option(
        "--sip",
        type=AddressType(),
        default="127.0.0.1:5060",
        show_default=True,
        help="Where SIP listens (UDP), "
        "and where audio is sent from: an IPv4 address, an IPv6 one such as [2001:db8::5]:5060, 0.0.0.0 for all of IPv4, or "
        "[::]:5060 for all of IPv4 and IPv6.",
    ),
    click.option(
        "--phone",
        type=AddressType(),
        show_default=f"127.0.0.1:{PHONE_PORT}, [::1]:{PHONE_PORT} where --sip is of IPv6; a free port with --sip HOST:0",
        help="Where the built-in test phone listens (UDP), on loopback.",
    ),
)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `data_dir`, `http`, `sip` and `phone` (None: `phone_of`)."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
