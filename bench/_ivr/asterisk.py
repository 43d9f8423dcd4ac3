"""Starts Asterisk with the benchmark's two applications, as a peer to be measured in the same run.

No more than the calls need: chan_pjsip, a dialplan, no call records, no application server. Debian 12 has no package of
it; Debian's unstable release has, in a folder of its own: `debootstrap --variant=minbase --include=asterisk sid FOLDER`.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench._ivr import media

HOST = "127.0.0.1"
PORT = 5080
CALLER_IP = "127.0.0.2"
START_S_MAX = 30.0
STOP_S_MAX = 10.0

MODULES = (
    "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_pjproject", "res_pjsip", "res_pjsip_session",
    "res_pjsip_pubsub", "res_pjsip_sdp_rtp", "res_pjsip_endpoint_identifier_ip", "res_pjsip_caller_id", "res_pjsip_nat",
    "res_pjsip_rfc3326",
    "res_rtp_asterisk", "chan_pjsip", "res_timing_timerfd", "pbx_config", "app_playback", "app_read", "codec_ulaw",
    "format_pcm", "bridge_simple", "func_channel",
)  # fmt: skip

DIALPLAN = """\
[bench]
exten => ivr,1,Answer()
 same => n,Read(KEY,{sounds}/first,1,,1,10)
 same => n,GotoIf($["${{KEY}}" = "1"]?second)
 same => n,Wait(10)
 same => n,Hangup()
 same => n(second),Playback({sounds}/second)
 same => n,Hangup()
exten => setup,1,Answer()
 same => n,Wait(5)
 same => n,Hangup()
"""

ENDPOINT = f"""\
[udp]
type=transport
protocol=udp
bind={HOST}:{PORT}
[caller]
type=endpoint
transport=udp
context=bench
disallow=all
allow=ulaw
direct_media=no
[caller]
type=identify
endpoint=caller
match={CALLER_IP}
"""


@contextmanager
def serve(root: Path, cores: str | None) -> Iterator[dict[str, Any]]:
    """Asterisk of the system in `root` on these cores; yields what `bench ivr` takes for a ready file."""
    with tempfile.TemporaryDirectory(prefix="callwright-bench-", dir=root / "tmp") as folder:
        inside = Path("/tmp") / Path(folder).name
        _configure(Path(folder), inside)
        pinned = [] if cores is None else ["taskset", "-c", cores]
        entered = [] if root == Path("/") else ["chroot", str(root)]
        command = [*pinned, *entered, "asterisk", "-f", "-C", str(inside / "asterisk.conf")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(process, Path(folder) / "run" / "asterisk.ctl")
            yield {"sip": f"{HOST}:{PORT}", "pids": {"engine": process.pid}}
        finally:
            process.terminate()
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _configure(folder: Path, inside: Path) -> None:
    for name in ("run", "log", "spool", "db", "keys", "data", "sounds"):
        (folder / name).mkdir()
    for name, pitch_hz in (("first", 140), ("second", 180)):
        (folder / "sounds" / f"{name}.ulaw").write_bytes(media.prompt(pitch_hz))
    modules = _modules(folder.parent.parent)
    (folder / "asterisk.conf").write_text(
        f"[directories]\nastetcdir => {inside}\nastmoddir => {modules}\nastvarlibdir => {inside}/data\n"
        f"astdbdir => {inside}/db\nastkeydir => {inside}/keys\nastdatadir => /usr/share/asterisk\nastspooldir => {inside}/spool\n"
        f"astrundir => {inside}/run\nastlogdir => {inside}/log\n[options]\nmaxfiles = 65536\n"
    )
    loads = "".join(f"load = {name}.so\n" for name in MODULES)
    (folder / "modules.conf").write_text(f"[modules]\nautoload = no\n{loads}")
    (folder / "pjsip.conf").write_text(ENDPOINT)
    (folder / "extensions.conf").write_text(DIALPLAN.format(sounds=inside / "sounds"))
    (folder / "rtp.conf").write_text("[general]\nrtpstart=30000\nrtpend=40000\n")
    (folder / "logger.conf").write_text("[general]\n[logfiles]\nmessages => warning,error\n")


def _modules(root: Path) -> Path:
    """The folder of Debian's modules, as Asterisk sees it."""
    found = next(root.glob("usr/lib/*/asterisk/modules"), None)
    if found is None:
        sys.exit(f"there is no Asterisk in {root}: debootstrap --variant=minbase --include=asterisk sid {root}")
    return Path("/") / found.relative_to(root)


def _wait(process: "subprocess.Popen[bytes]", control: Path) -> None:
    until = time.monotonic() + START_S_MAX
    while time.monotonic() < until:
        if process.poll() is not None:
            sys.exit(f"Asterisk ended with status {process.returncode} before it was ready")
        if control.exists():
            return
        time.sleep(0.1)
    sys.exit(f"Asterisk was not ready within {START_S_MAX:g} s")
