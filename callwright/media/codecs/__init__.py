"""Codecs: one file for each; importing this package registers them all under their `name`."""

import importlib
import pkgutil

from callwright.media.codec import CODECS, Codec

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")


def installed() -> tuple[type[Codec], ...]:
    """What this machine speaks, in the order of our offers."""
    return tuple(sorted((codec for codec in CODECS.values() if codec.installed()), key=lambda codec: codec.place))


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
