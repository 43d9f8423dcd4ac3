"""SIPp as an independent peer: short scenarios written as steps, run on a free port, judged by SIPp itself."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from callwright.sip.address import written

RUN_S_MAX = 100.0

SDP = """
v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
"""


def send(first: str, *headers: str, body: str = "", kind: str = "application/sdp", attributes: str = "") -> str:
    """A message. The length and blank lines are added."""
    lines = [first, *headers]
    if body:
        lines.append(f"Content-Type: {kind}")
    lines.append("Content-Length: [len]")
    return f"<send {attributes}><![CDATA[\n\n" + "\n".join(lines) + f"\n{body}\n]]></send>"


def call(
    method: str,
    number: int = 1,
    *headers: str,
    branch: str = "[branch]",
    body: str = "",
    kind: str = "application/sdp",
    to: str = "",
) -> str:
    """A request of the caller's; `to`: how To ends, such as `[peer_tag_param]`."""
    again = 'retrans="500"' if method != "ACK" else ""
    return send(
        f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0",
        f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}",
        "From: <sip:200@[local_ip]:[local_port]>;tag=[call_number]",
        f"To: <sip:[service]@[remote_ip]:[remote_port]>{to}",
        "Call-ID: [call_id]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        "Contact: <sip:200@[local_ip]:[local_port]>",
        *headers,
        body=body,
        kind=kind,
        attributes=again,
    )


def reply(status: str, *headers: str, body: str = "", again: bool = False) -> str:
    """An answer to the request that came last."""
    return send(
        f"SIP/2.0 {status}",
        *("[last_Via:]", "[last_From:]", "[last_To:];tag=t[call_number]", "[last_Call-ID:]", "[last_CSeq:]"),
        *("Contact: <sip:100@[local_ip]:[local_port]>", *headers),
        body=body,
        attributes='retrans="500"' if again else "",
    )


def hang_up(number: int = 1) -> str:
    """A BYE of the called side's; `recv_ack_for_bye` came before it."""
    return callee("BYE", number)


def callee(method: str, number: int, *headers: str, body: str = "", kind: str = "") -> str:
    """A request of the called side's; `recv_ack_for_bye` came before it."""
    return send(
        f"{method} sip:[remote_ip]:[remote_port] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        "From: <sip:100@[local_ip]>;tag=t[call_number]",
        "To[$caller]",
        "Call-ID: [call_id]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        *headers,
        body=body,
        kind=kind,
        attributes='retrans="500"',
    )


def recv_ack_for_bye() -> str:
    """Wait for the ACK and keep its From, which is the To of our BYE."""
    keep = '<ereg regexp=":.*" search_in="hdr" header="From" assign_to="caller"/>'
    return f'<recv request="ACK"><action>{keep}</action></recv>'


def bye_answer(status: str = "200 OK", *headers: str, body: str = "", again: bool = False) -> str:
    """To a request within the call, whose To has its tag already."""
    copied = ("[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]")
    return send(f"SIP/2.0 {status}", *copied, *headers, body=body, attributes='retrans="500"' if again else "")


def recv(what: str | int, *, optional: bool = False, has: str = "", auth: bool = False) -> str:
    """Wait for a request or a status; `has`: a header line of it, as a regular expression; `auth`: a challenge, which the
    next message with `[authentication …]` answers."""
    kind = "response" if isinstance(what, int) else "request"
    check = ""
    if has:
        header = has.partition(":")[0]
        check = (
            f'<action><ereg regexp="{has.partition(":")[2]}" search_in="hdr" header="{header}:"'
            ' check_it="true" assign_to="found"/></action>'
        )
    maybe = 'optional="true"' if optional else 'auth="true"' if auth else ""
    # SIPp refuses a variable that nothing reads.
    reference = '<Reference variables="found"/>' if has else ""
    return f'<recv {kind}="{what}" rrs="true" {maybe}>{check}</recv>{reference}'


def recv_as(target: str, method: str, has: str = "") -> str:
    """Wait for a request whose Request-URI begins so, and which has this further down; both are regular expressions."""
    check = f'<ereg regexp="^{method} {target}.*{has}" search_in="msg" check_it="true" assign_to="line"/>'
    return f'<recv request="{method}"><action>{check}</action></recv><Reference variables="line"/>'


def authorised(user: str, password: str, *, or_else: int) -> str:
    """Wait for an INVITE with the right digest answer; any other goes on at the label `or_else`."""
    check = f'<verifyauth assign_to="right" username="{user}" password="{password}"/>'
    steps = [f'<recv request="INVITE"><action>{check}</action></recv>', f'<nop test="right" next="{or_else + 1}"/>']
    return "\n".join([*steps, f'<nop next="{or_else}"/>', label(or_else + 1)])


def label(number: int) -> str:
    return f'<label id="{number}"/>'


def pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>'


async def dial(folder: Path, steps: list[str], to: tuple[str, int], *options: str, calls: int = 1) -> str:
    """Call our side by this scenario, from the same address; empty when every call went as written, else what SIPp says of it."""
    usual = (written(to), "-s", "100", "-m", str(calls), "-r", "40")
    return await _finish(await _start(folder, steps, to[0], *usual, *options), folder)


class Called:
    """A SIPp that waits for calls at `address`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, address: tuple[str, int]) -> None:
        self._process, self._folder, self.address = process, folder, address

    async def verdict(self) -> str:
        """Empty when every call went as written."""
        return await _finish(self._process, self._folder)


@asynccontextmanager
async def called(
    folder: Path, steps: list[str], *options: str, calls: int = 1, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Called]:
    port = port or free_port(host)
    tcp = "t1" in options
    process = await _start(folder, steps, host, "-p", str(port), "-m", str(calls), *options)
    try:
        await _bound(host, port, process, tcp=tcp)
        yield Called(process, folder, (host, port))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _start(folder: Path, steps: list[str], host: str, *options: str) -> asyncio.subprocess.Process:
    assert shutil.which("sipp"), "SIPp is missing: ./dev test installs it"
    scenario = '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="test">\n' + "\n".join(steps) + "\n</scenario>\n"
    (folder / "scenario.xml").write_text(scenario)
    return await asyncio.create_subprocess_exec(
        *("sipp", "-sf", "scenario.xml", "-i", host, "-mi", host, "-nostdin"),
        *("-timeout", "40s", "-timeout_error", "-trace_err", *options),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _finish(process: asyncio.subprocess.Process, folder: Path) -> str:
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RUN_S_MAX)
    except TimeoutError:
        process.kill()
        raise
    if process.returncode == 0:
        return ""
    errors = "".join(file.read_text()[-3000:] for file in folder.glob("*errors.log"))
    return f"exit status {process.returncode}\n{output.decode(errors='replace')[-2000:]}\n{errors}"


def free_port(host: str) -> int:
    with socket.socket(_family(host), socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _bound(host: str, port: int, process: asyncio.subprocess.Process, *, tcp: bool) -> None:
    """Until it is there. The kernel is asked: to try the port would keep SIPp from it for that moment, and a port that is taken
    for TCP may not be listened at yet."""
    async with asyncio.timeout(10):
        while process.returncode is None and not _is_taken(port, tcp=tcp):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.02)


def _is_taken(port: int, *, tcp: bool) -> bool:
    kind = "tcp" if tcp else "udp"
    rows = [
        row.split() for name in (kind, f"{kind}6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return any(row[1].endswith(f":{port:04X}") and (not tcp or row[3] == _LISTENS) for row in rows)


_LISTENS = "0A"
"A state of TCP, as proc(5) writes it."
