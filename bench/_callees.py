"""A labelled set of answered lines, made anew each time: people, answering machines, fax machines, tones and nothing at all.

Two halves that share nothing but the kinds: other voices, other sentences, other seeds, so that what was found on the one is
measured on the other. Each line is what a media plane receives in the first seconds: levels, noise, our own prompt coming
back, µ-law, lost packets, and telephones that send nothing while nobody speaks.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench._voices import Voices, band
from callwright.base.callee_types import CalleeType
from callwright.media import g711
from callwright.media.frames import FRAME_BYTES, RATE_HZ

Wave = NDArray[np.float64]
SECONDS = 6.0
LEVELS_DBM0 = (-10, -15, -20, -25, -30)
SNRS_DB = (40, 30, 20, 15, 10)
LOSSES = (0.0, 0.0, 0.01, 0.03)
PROMPT_DBM0 = -16.0
DBOV_OF_DBM0 = -6.18
"0 dBm0 is so many dB below a square wave at full scale (ITU-T G.711: a sine overloads at 3.17 dBm0)."


@dataclass(frozen=True)
class Half:
    """Voices and sentences of one half."""

    voices: tuple[str, ...]
    hellos: tuple[str, ...]
    names: tuple[str, ...]
    work: tuple[str, ...]
    talk: tuple[str, ...]
    short: tuple[str, ...]
    greetings: tuple[str, ...]
    networks: tuple[str, ...]
    pauses: tuple[tuple[str, str], ...]
    intercepts: tuple[str, ...]
    prompts: tuple[str, ...]


TUNED_ON = Half(
    voices=("espeak en-us", "espeak en-us+m3", "espeak en-us+m7", "espeak en-us+f2", "espeak en-us+f4", "espeak en-gb-x-rp",
            "flite rms", "flite kal16"),
    hellos=("hello", "hello?", "yes?", "hi there", "good morning", "speaking", "hello hello", "yeah"),
    names=(
        "hello, this is Anna", "Miller residence, good evening", "hello, who is it?", "Smith speaking", "this is Peter",
        "good afternoon, Jones here", "hello, who's calling?", "Robert Brown", "hi, it's Kate", "yes, hello, Mary here",
    ),
    work=(
        "Acme Hardware, this is Tom, how can I help you?", "Good morning, doctor Lee's office, please hold on",
        "City library, good afternoon, what can I do for you?",
    ),
    talk=(
        "hello? sorry, I was out in the garden, who is this please?", "yes hello, I can hardly hear you, could you speak up?",
        "hi, listen, I'm driving right now, can you call me back later?",
    ),
    short=(
        "Please leave a message.", "You know what to do.", "Hi, it's Mike, leave me a message.", "Leave a message after the beep.",
    ),
    greetings=(
        "Hi, you've reached Linda. I can't come to the phone right now, so please leave a message after the beep.",
        "Hello, this is Mark's phone. Sorry I missed you. Leave your name and number and I will call you back.",
        "You have reached the Miller residence. Nobody is home right now. Please leave a message after the tone.",
        "Thank you for calling Acme Hardware. Our office is closed. Our opening hours are Monday to Friday from nine to five.",
        "Hey, it's Dave, I'm not here, you know what to do, talk to you soon.",
    ),
    networks=(
        "You have reached the voice mailbox of. six one seven. five five five. zero one zero zero. Please leave a message.",
        "The person you are trying to reach is not available. At the tone, please record your message.",
        "Your call has been forwarded to an automatic voice message system. Six one seven five five five is not available.",
    ),
    pauses=(
        ("Hello.", "We are not at home at the moment, please leave us a message."),
        ("Hi, this is Susan.", "I'm away from my phone, so leave a message and I'll get back to you."),
        ("Good day.", "You are connected with the answering machine of the Carter family."),
    ),
    intercepts=(
        "The number you have dialed is not in service. Please check the number and dial again.",
        "We're sorry, your call can not be completed as dialed.",
    ),
    prompts=(
        "Hello. This is a message from your doctor's office about your appointment tomorrow. Please listen to the following.",
        "This is a call from the school district. Classes begin two hours later today.",
    ),
)  # fmt: skip

MEASURED_ON = Half(
    voices=("flite slt", "flite awb", "flite kal", "espeak en-us+m1", "espeak en-us+f3", "espeak en-gb-scotland"),
    hellos=("hello", "hello there", "yes", "hi", "good evening", "hello yes", "ahoy", "who's there?"),
    names=(
        "hello, it's George", "Henderson residence, good morning", "hello, who is there?", "Taylor here",
        "you're speaking with Jane",
        "good evening, Wilson speaking", "yes, who am I talking to?", "Elizabeth Green", "hey, Bob here", "hello, Sarah Parker",
    ),
    work=(
        "Northside Garage, Bill speaking, what can I do for you?", "Thanks for calling Luigi's, will that be pick up or delivery?",
        "Reception, good afternoon, how may I direct your call?",
    ),
    talk=(
        "hello? oh, wait a second, let me turn the radio down, yes, who is it?",
        "hello, is that you? I have been waiting for your call all day",
        "yes, hi, I am in a meeting, can I ring you back in an hour?",
    ),
    short=(
        "Please speak after the tone.", "Leave your message now.", "This is Jack, please leave a message.",
        "Nobody is home. Leave a message.",
    ),
    greetings=(
        "Hello, you have reached Tom and Barbara. We can not take your call. Please leave your name and number after the beep.",
        "This is the phone of Alice Young. I am on holiday until the end of the month. For urgent matters write me a mail.",
        "Sorry, no one is available to take your call at the moment. Please leave a short message after the signal.",
        "Welcome to Northside Garage. We are open on weekdays from eight to six. Please call again, or leave a message.",
        "Hi, this is Kevin. I'm probably at work. Leave me something nice and I'll ring you.",
    ),
    networks=(
        "The customer you have called is unavailable. Please leave a message after the tone, or hang up.",
        "Welcome to the mailbox of. four one five. five five five. two three four five. Record your message at the beep.",
        "The subscriber can not be reached at present. To leave a message, stay on the line. To send a text, press one.",
    ),
    pauses=(
        ("Hello there.", "You have called the Robinson family, we can not answer the phone right now."),
        ("This is Emma.", "I can not talk at the moment, but I will call you back when you leave your number."),
        ("Good evening.", "The practice of doctor Stone is closed today, in an emergency please call the hospital."),
    ),
    intercepts=(
        "The number you have called has been disconnected. No further information is available.",
        "All circuits are busy now. Please try your call again later.",
    ),
    prompts=(
        "Good day. This is your pharmacy. Your order is ready, and you may collect it from nine until five on any weekday.",
        "This is an important announcement of your power company about works in your street next week.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """One answered line."""

    kind: str
    label: CalleeType
    received: bytes
    "µ-law."

    came: NDArray[np.bool_]
    "Of its packets of 20 ms, which arrive."

    sent: bytes
    "What we play meanwhile; may be silence."

    level_dbm0: int
    snr_db: int
    echo_db: int
    "By which our prompt is quieter when it comes back; 0: nothing is played."


@dataclass(slots=True)
class Maker:
    """Makes the lines of one half."""

    half: Half
    speak: Voices
    chance: random.Random
    voice: str = ""
    rate_wpm: int = 160
    _said: dict[tuple[str, str, int], Wave] = field(default_factory=dict)

    def say(self, text: str) -> Wave:
        """In the voice of the line, as loud as another."""
        key = (text, self.voice, self.rate_wpm)
        if key not in self._said:
            wave = band(self.speak(text, self.voice, self.rate_wpm))
            loud = np.sort(np.abs(wave))[len(wave) // 2 :]
            self._said[key] = wave / np.sqrt(np.mean(loud**2))
        return self._said[key]

    def one_of(self, texts: tuple[str, ...]) -> Wave:
        return self.say(self.chance.choice(texts))

    def pause(self, least: float, most: float) -> Wave:
        return np.zeros(int(self.chance.uniform(least, most) * RATE_HZ))

    def beep(self) -> Wave:
        hz = self.chance.choice((440, 800, 1000, 1200, 1400, self.chance.uniform(420, 1900)))
        return _tone(self.chance.uniform(0.15, 1.0), hz)

    def lines(self, each: float) -> Iterator[Sample]:
        """`each`: how many of a kind, as a factor of `KINDS`."""
        noise = np.random.default_rng(self.chance.getrandbits(32))
        for kind, (label, count, make) in KINDS.items():
            for _ in range(max(1, round(count * each))):
                self.voice, self.rate_wpm = self.chance.choice(self.half.voices), self.chance.choice((140, 160, 180))
                yield self._line(kind, label, make(self), noise)

    def _line(self, kind: str, label: CalleeType, wave: Wave, noise: np.random.Generator) -> Sample:
        chance = self.chance
        length = int(SECONDS * RATE_HZ)
        line = np.concatenate((wave, np.zeros(length)))[:length]
        level, snr = chance.choice(LEVELS_DBM0), chance.choice(SNRS_DB)
        amplitude = 32768 * 10 ** ((level + DBOV_OF_DBM0) / 20)
        silent = np.repeat(np.abs(line).reshape(-1, FRAME_BYTES).max(axis=1) < 0.02, FRAME_BYTES)
        hiss = _noise(chance.choice(("white", "pink", "street")), length, noise) * 10 ** (-snr / 20)
        line = (line + hiss) * amplitude
        sent, echo_db = np.zeros(length), 0
        if chance.random() < 0.5:
            sent, echo_db = self._prompt(length), chance.choice((15, 20, 30, 45))
            delay = chance.randint(0, int(0.25 * RATE_HZ))
            line += np.concatenate((np.zeros(delay), sent))[:length] * 10 ** (-echo_db / 20)
        came = _arrivals(length // FRAME_BYTES, chance)
        if chance.random() < 0.15:
            # It sends nothing while nobody speaks.
            came &= ~silent[::FRAME_BYTES]
        return Sample(kind, label, _ulaw(line), came, _ulaw(sent), level, snr, echo_db)

    def _prompt(self, length: int) -> Wave:
        self.voice, voice = self.half.voices[0], self.voice
        said = self.one_of(self.half.prompts) * 32768 * 10 ** ((PROMPT_DBM0 + DBOV_OF_DBM0) / 20)
        self.voice = voice
        return np.concatenate((np.zeros(int(0.2 * RATE_HZ)), said, np.zeros(length)))[:length]


def _arrivals(packets: int, chance: random.Random) -> NDArray[np.bool_]:
    """Losses come alone, or a few at once."""
    came = np.ones(packets, np.bool_)
    loss = chance.choice(LOSSES)
    for at in range(packets):
        if chance.random() < loss / 2:
            came[at : at + chance.randint(1, 3)] = False
    return came


def _ulaw(wave: Wave) -> bytes:
    return g711.encode(np.clip(wave, -32768, 32767).astype(np.int16))


def _noise(kind: str, length: int, noise: np.random.Generator) -> Wave:
    """RMS 1; `street` swells and fades."""
    wave = noise.normal(size=length)
    if kind != "white":
        spectrum = np.fft.rfft(wave)
        wave = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), length)
    if kind == "street":
        at = np.arange(length) / RATE_HZ
        wave = wave * (1 + 0.4 * np.sin(2 * np.pi * noise.uniform(0.1, 0.4) * at + noise.uniform(0, 6)))
    wave = band(wave)
    made: Wave = wave / np.sqrt(np.mean(wave**2))
    return made


# -- tones --------------------------------------------------------------------------------------------


def _tone(seconds: float, *frequencies_hz: float) -> Wave:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = sum((np.sin(2 * np.pi * hz * at) for hz in frequencies_hz), np.zeros(len(at))) * np.sqrt(
        2 / len(frequencies_hz)
    )
    made: Wave = wave * np.minimum(1, np.minimum(at, at[::-1]) / 0.004)
    return made


def _cadence(maker: Maker, *plans: tuple[tuple[float, ...], tuple[float, ...]]) -> Wave:
    """One of the plans: frequencies, and seconds on and off in turn; it begins somewhere in it."""
    frequencies, times = maker.chance.choice(plans)
    once = np.concatenate(
        [_tone(s, *frequencies) if at % 2 == 0 else np.zeros(int(s * RATE_HZ)) for at, s in enumerate(times)]
    )
    many = np.tile(once, int(SECONDS * RATE_HZ / len(once)) + 2)
    return many[maker.chance.randrange(len(once)) :]


def _ringing(maker: Maker) -> Wave:
    return _cadence(maker, ((440, 480), (2, 4)), ((425,), (1, 4)), ((400, 450), (0.4, 0.2, 0.4, 2)))


def _busy(maker: Maker) -> Wave:
    return _cadence(
        maker, ((480, 620), (0.5, 0.5)), ((480, 620), (0.25, 0.25)), ((425,), (0.48, 0.48)), ((400,), (0.375, 0.375))
    )


def _dial(maker: Maker) -> Wave:
    return _cadence(maker, ((350, 440), (8, 0)), ((425,), (8, 0)))


def _intercept(maker: Maker) -> Wave:
    """The special information tones and an announcement (Telcordia SR-2275, ITU-T E.180)."""
    chance = maker.chance
    first, second = chance.choice(((913.8, 1370.6), (985.2, 1428.5), (913.8, 1428.5), (950, 1400)))
    short, long = 0.276, 0.380
    tones = np.concatenate([_tone(chance.choice((short, long)), hz) for hz in (first, second, 1776.7)])
    return np.concatenate((maker.pause(0, 1), tones, maker.pause(0.1, 0.5), maker.one_of(maker.half.intercepts)))


def _answer_tone(maker: Maker) -> Wave:
    """CED, or V.8's ANSam: its phase turns every 450 ms, and its loudness moves 15 times a second."""
    hz = 2100 + maker.chance.uniform(-15, 15)
    at = np.arange(int(maker.chance.uniform(2.6, 4) * RATE_HZ)) / RATE_HZ
    wave = np.sin(2 * np.pi * hz * at)
    if maker.chance.random() < 0.5:
        wave = wave * np.where(at // 0.45 % 2 == 0, 1, -1)
        if maker.chance.random() < 0.5:
            wave = wave * (1 + 0.2 * np.sin(2 * np.pi * 15 * at))
    return np.concatenate((maker.pause(0.2, 1.8), wave * np.sqrt(2)))


def _v21(maker: Maker) -> Wave:
    """A second of flags at 300 bit/s on channel 2, as before each frame of T.30: 1 is 1650 Hz, 0 is 1850."""
    bits = np.tile([0, 1, 1, 1, 1, 1, 1, 0], 60)
    hz = np.repeat(np.where(bits == 1, 1650, 1850), RATE_HZ // 300 + 1)[: int(1.5 * RATE_HZ)] + maker.chance.uniform(
        -6, 6
    )
    made: Wave = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.sqrt(2)
    return made


def _fax(maker: Maker) -> Wave:
    if maker.chance.random() < 0.2:
        return np.concatenate((maker.pause(0.2, 1.8), _v21(maker)))
    tone = _answer_tone(maker)
    return (
        tone
        if maker.chance.random() < 0.5
        else np.concatenate((tone[: int(2.2 * RATE_HZ)], np.zeros(600), _v21(maker)))
    )


def _calling_fax(maker: Maker) -> Wave:
    once = np.concatenate((_tone(0.5, 1100 + maker.chance.uniform(-30, 30)), np.zeros(3 * RATE_HZ)))
    return np.concatenate((maker.pause(0.2, 2.5), once, once))


def _music(maker: Maker) -> Wave:
    """Notes of a scale, plucked, three at once."""
    scale = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    bars = []
    for _ in range(20):
        at = np.arange(int(0.35 * RATE_HZ)) / RATE_HZ
        chord = [maker.chance.choice(scale) * maker.chance.choice((1, 2)) for _ in range(3)]
        bars.append(sum(np.sin(2 * np.pi * hz * n * at) / n for hz in chord for n in (1, 2, 3)) * np.exp(-3 * at))
    wave = np.concatenate(bars)
    made: Wave = wave / np.sqrt(np.mean(wave**2))
    return made


# -- people and machines -----------------------------------------------------------------------------


def _person(texts: Callable[[Half], tuple[str, ...]]) -> Callable[[Maker], Wave]:
    def make(maker: Maker) -> Wave:
        return np.concatenate((maker.pause(0.1, 1.4), maker.one_of(texts(maker.half))))

    return make


def _twice(maker: Maker) -> Wave:
    return np.concatenate(
        (maker.pause(0.1, 1), maker.one_of(maker.half.hellos), maker.pause(0.9, 2), maker.one_of(maker.half.hellos))
    )


def _machine(texts: Callable[[Half], tuple[str, ...]]) -> Callable[[Maker], Wave]:
    def make(maker: Maker) -> Wave:
        return np.concatenate(
            (maker.pause(0.2, 1.8), maker.one_of(texts(maker.half)), maker.pause(0.2, 1.0), maker.beep())
        )

    return make


def _with_a_pause(maker: Maker) -> Wave:
    first, second = maker.chance.choice(maker.half.pauses)
    return np.concatenate((maker.pause(0.2, 1.5), maker.say(first), maker.pause(0.3, 1.2), maker.say(second)))


def _beep_alone(maker: Maker) -> Wave:
    at = maker.chance.choice((700, 1000, 1400, maker.chance.uniform(700, 1900)))
    return np.concatenate((maker.pause(0.3, 2.5), _tone(maker.chance.uniform(0.15, 0.9), at)))


def _after_ringing(then: Callable[[Maker], Wave]) -> Callable[[Maker], Wave]:
    def make(maker: Maker) -> Wave:
        ringing = _ringing(maker)[: int(maker.chance.uniform(0.4, 1.2) * RATE_HZ)]
        return np.concatenate((ringing, then(maker)))

    return make


def _silence(maker: Maker) -> Wave:
    return np.zeros(1)


KINDS: dict[str, tuple[CalleeType, int, Callable[[Maker], Wave]]] = {
    "person: hello": ("voice", 200, _person(lambda half: half.hellos)),
    "person: a name or a question": ("voice", 150, _person(lambda half: half.names)),
    "person: hello, and again": ("voice", 60, _twice),
    "person: at work, a sentence": ("voice", 12, _person(lambda half: half.work)),
    "person: talks on": ("voice", 6, _person(lambda half: half.talk)),
    "machine: a few words, beep": ("answeringmachine", 60, _machine(lambda half: half.short)),
    "machine: greeting": ("answeringmachine", 170, _machine(lambda half: half.greetings)),
    "machine: of the network": ("answeringmachine", 100, _machine(lambda half: half.networks)),
    "machine: pause after a word": ("answeringmachine", 50, _with_a_pause),
    "machine: beep alone": ("answeringmachine", 30, _beep_alone),
    "fax: answers": ("fax", 60, _fax),
    "fax: calls": ("fax", 30, _calling_fax),
    "ringing": ("unknown", 20, _ringing),
    "ringing, then a person": ("voice", 20, _after_ringing(_person(lambda half: half.hellos))),
    "ringing, then a machine": ("answeringmachine", 15, _after_ringing(_machine(lambda half: half.greetings))),
    "busy": ("unknown", 20, _busy),
    "dial tone": ("unknown", 10, _dial),
    "intercept: three tones, announcement": ("unknown", 30, _intercept),
    "nobody speaks": ("unknown", 40, _silence),
    "music": ("unknown", 10, _music),
}
"What a line is, how many of it there are in a half, and how it is made."


def samples(half: Half, seed: int, each: float = 1.0) -> list[Sample]:
    with Voices() as speak:
        return list(Maker(half, speak, random.Random(seed)).lines(each))
