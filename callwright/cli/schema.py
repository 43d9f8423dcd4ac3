"""`callwright schema`: the form of application documents as JSON Schema."""

import json

import click

from callwright.flow.application import json_schema


@click.command()
def command() -> None:
    """Print the form of application documents as JSON Schema (2020-12), for editors that check and complete YAML."""
    click.echo(json.dumps(json_schema(), indent=2))
