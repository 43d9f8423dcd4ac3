"""The callwright command, one file for each subcommand.

A subcommand is a module here with a `command` (click) of the same name; it is imported only when asked for,
so that `callwright call` does not load a database driver.
"""

import importlib
import pkgutil

import click

import callwright


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(callwright.__version__)
def main() -> None:
    """Callwright: call flows, SIP telephony and an outbound queue in one process tree."""
