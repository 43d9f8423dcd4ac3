"""Codecs: one file for each; importing this package registers them all under their `name`."""

import importlib
import pkgutil
from collections.abc import Sequence

from callwright.media.codec import CODECS, Codec

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")


def installed() -> tuple[type[Codec], ...]:
    """What this machine speaks, in the order of our offers."""
    return tuple(sorted((codec for codec in CODECS.values() if codec.installed()), key=lambda codec: codec.place))


def spoken(names: Sequence[str]) -> tuple[type[Codec], ...]:
    """Of these codecs those that this machine speaks, in their order; none where none is named. Raises `ValueError` where it
    speaks none of them."""
    found = tuple(codec for name in names if (codec := CODECS.get(name)) is not None and codec.installed())
    if names and not found:
        extras = [f"callwright[{CODECS[name].extra}]" for name in names if name in CODECS]
        raise ValueError(f"{', '.join(names)} needs `pip install {' '.join(extras)}`")
    return found


def named(names: str) -> tuple[type[Codec], ...]:
    """Codecs by their names with commas between, in that order. Raises `ValueError` for what is none, or not installed."""
    found = []
    for name in (word.strip().lower() for word in names.split(",")):
        codec = CODECS.get(name)
        if codec is None:
            raise ValueError(f"{name[:40]!r} is none of {', '.join(sorted(CODECS))}")
        if not codec.installed():
            raise ValueError(f"{name} needs `pip install callwright[{codec.extra}]`")
        if codec not in found:
            found.append(codec)
    return tuple(found)
