"""Companies that carry texts: one file for each; importing this package registers them all under their `type`."""

import importlib
import pkgutil

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")
