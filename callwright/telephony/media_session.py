"""The handle of one call's media, for the event loop's thread."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from callwright.base.errors import PeerError
from callwright.ports.leg import Frames, Slot
from callwright.telephony.media_coding import Agreed
from callwright.telephony.media_latch import place
from callwright.telephony.media_stream import Stream

if TYPE_CHECKING:
    from callwright.telephony.plane import MediaPlane

LOOPBACK = {4: ip_address("127.0.0.1"), 6: ip_address("::1")}


class MediaSession:
    """One call's media. Methods post to the plane and return at once; after `close` they do nothing."""

    __slots__ = ("_plane", "_stream", "_version", "port")

    def __init__(self, plane: "MediaPlane", stream: Stream, port: int) -> None:
        self._plane, self._stream = plane, stream
        self._version = 6 if stream.sock.family == socket.AF_INET6 else 4
        self.port = port
        "Our RTP port, for the SDP."

    def connect(self, host: str, port: int, agreed: Agreed) -> None:
        """Where the far end's SDP wants audio sent, and what was agreed on. Again for a re-INVITE.

        Port 0, 0.0.0.0 or ::: nothing is sent. Raises `PeerError` where `host` is no address of the same family as ours.
        """
        try:
            address = ip_address(host)
        except ValueError as error:
            raise PeerError(f"media address {host!r} is not an IP address") from error
        if host == self._plane.public:
            # Another of our own ports, of a leg that is joined with this one: few NATs lead back to who asks.
            address = ip_address(self._stream.sock.getsockname()[0])
            address = LOOPBACK[address.version] if address.is_unspecified else address
        remote = None
        if port > 0 and not address.is_unspecified:
            if address.version != self._version:
                raise PeerError(f"media address {host} is not an IPv{self._version} address")
            remote = place(str(address), port)
        self._post(Stream.connect, remote, agreed)

    def play(self, frames: Sequence[Frames], mark: int, *, again: bool = False) -> None:
        """Send frame lists in order, without a gap, in place of what is playing. `PlayEnded(mark)` tells the end.

        `again`: over and over, until stopped.
        """
        self._post(Stream.play, tuple(frames), mark, again)

    def stop_playing(self) -> None:
        self._post(Stream.stop_playing)

    def send_keys(self, keys: str) -> None:
        """After the keys still being sent; as tones in the audio where telephone-event was not negotiated."""
        self._post(Stream.send_keys, keys)

    def start_recording(self, path: str, slot: Slot = "call") -> None:
        """Record into `path` from now on. A recording going on in that slot is finished first; `RecordingEnded` tells."""
        self._post(self._plane.start_recording, path, slot)

    def stop_recording(self, slot: Slot = "call", cut_s: float = 0.0) -> None:
        """`cut_s` seconds of the end are taken off."""
        self._post(self._plane.stop_recording, slot, cut_s)

    def mute_recordings(self, on: bool, *, message: bool = False) -> None:
        """What is said and heard meanwhile is silence in all recordings; in a caller's `message` only where that is said."""
        self._post(Stream.mute, on, message)

    def bridge(self, other: "MediaSession | None") -> None:
        """Each hears the other from now on, but not the keys. None parts them."""
        self._post(Stream.bridge, other._stream if other is not None else None)

    def listen(self, silence_s: float, *, beeps: bool = False) -> None:
        """Tell `SpeechStarted` and, after `silence_s` of quiet, `SpeechEnded`, again and again; and `Beeped` where asked for.
        0 stops it."""
        self._post(Stream.listen, silence_s, beeps)

    def classify(self, within_s: float) -> None:
        """Find out who has answered just now; `CalleeFound` tells, after so long at the most."""
        self._post(Stream.classify, within_s)

    def hear(self, silence_s: float, mark: int) -> None:
        """Wait for one utterance; `SpeechStarted(mark)` and `SpeechEnded(mark, audio)` tell of it. 0 stops it."""
        self._post(Stream.hear, silence_s, mark)

    def ignore_tones(self) -> None:
        """Look for no keys as tones in the audio any more: the far end tells them in another way."""
        self._post(Stream.ignore_tones)

    def hold(self, on: bool) -> None:
        """The far end wants to hear nothing: what is played runs on unheard."""
        self._post(Stream.hold, on)

    def close(self) -> None:
        """Stop everything. `Closed` follows, once the recording is complete on disk."""
        self._post(self._plane.close)

    def _post(self, command: Callable[..., None], *arguments: Any) -> None:
        self._plane.post(command, self._stream, arguments)
