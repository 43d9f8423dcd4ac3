"""`callwright metrics`: figures of a running platform."""

from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx

from callwright.base.config import metrics_token
from callwright.cli._data_dir import SEALING_KEY
from callwright.cli._options import data_option_of

ANSWER_S_MAX = 10.0

_SCRAPE = """\
scrape_configs:
  - job_name: callwright
    scheme: {scheme}
    authorization:
      credentials: {token}
    static_configs:
      - targets: ["{target}"]
"""


@click.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the platform's API is.")
@click.option("--scrape-config", is_flag=True, help="Print what Prometheus needs to read them, with the token.")
@data_option_of("Whose sealing key the token is made of.")
def command(url: str, scrape_config: bool, data_dir: Path) -> None:
    """Print the figures that a platform tells Prometheus at /metrics: calls, SIP, audio, texts, queues, processes."""
    try:
        token = metrics_token((data_dir.expanduser() / SEALING_KEY).read_text().strip())
    except OSError as error:
        raise click.ClickException(f"{data_dir} has no sealing key ({error.strerror}); give another --data.") from None
    if scrape_config:
        parts = urlsplit(url)
        click.echo(_SCRAPE.format(scheme=parts.scheme, token=token, target=parts.netloc), nl=False)
        return
    try:
        reply = httpx.get(
            f"{url.rstrip('/')}/metrics",
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWER_S_MAX,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise click.ClickException(f"{url} does not answer: {error}. Is `callwright up` running there?") from None
    if reply.status_code == 401:
        raise click.ClickException(f"The platform at {url} has another sealing key than {data_dir}; give its --data.")
    if reply.status_code != 200:
        raise click.ClickException(f"{url} answered {reply.status_code}. An older release has no /metrics.")
    click.echo(reply.text, nl=False)
