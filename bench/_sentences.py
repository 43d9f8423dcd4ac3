"""What people, machines and networks say when they answer, and in whose voices: two halves that share none of it.

The rules were found by looking at what went wrong in the first. Nobody looks at a line of the second: only how many of a
kind were right.
"""

from dataclasses import dataclass


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
    menus: tuple[str, ...]
    intercepts: tuple[str, ...]
    prompts: tuple[str, ...]
    instruments: tuple[str, ...]
    noises: tuple[str, ...]


TUNED_ON = Half(
    voices=("espeak en-us", "espeak en-us+m3", "espeak en-us+m7", "espeak en-us+f2", "espeak en-us+f4", "espeak en-gb-x-rp",
            "flite rms", "flite kal16"),
    hellos=("hello", "hello?", "yes?", "hi there", "good morning", "speaking", "hello hello", "yeah", "mm-hm, hello",
            "good afternoon", "who is it?"),
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
        "Please leave a message.", "You know what to do.", "Hi, it's Mike, leave me a message.",
            "Leave a message after the beep.",
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
    menus=(
        "Welcome to First Street Bank. For balances, press one. For cards, press two.",
        "Thank you for calling. Please listen carefully, as our menu has changed.",
        "This is the clinic. If this is an emergency, hang up and dial nine one one.",
    ),
    intercepts=(
        "The number you have dialed is not in service. Please check the number and dial again.",
        "We're sorry, your call can not be completed as dialed.",
    ),
    prompts=(
        "Hello. This is a message from your doctor's office about your appointment tomorrow. Please listen to the following.",
        "This is a call from the school district. Classes begin two hours later today.",
    ),
    instruments=("piano", "strings", "music box", "brass", "synthesizer", "accordion", "violin", "clarinet", "bass guitar"),
    noises=("hum", "wind", "traffic", "train", "keyboard", "rustle", "knocks", "dog", "siren", "saw", "line faults",
            "bell", "applause", "clock", "buzzer", "snore", "cough", "cat", "vacuum cleaner"),
)  # fmt: skip

MEASURED_ON = Half(
    voices=("flite slt", "flite awb", "flite kal", "espeak en-us+m1", "espeak en-us+f3", "espeak en-gb-scotland",
            "espeak en-us+m5", "espeak en-us+f1", "espeak en-029+m2"),
    hellos=("hello", "hello there", "yes", "hi", "good evening", "hello yes", "ahoy", "who's there?", "morning", "yup",
            "hello, hi", "good day", "yes, please?"),
    names=(
        "hello, it's George", "Henderson residence, good morning", "hello, who is there?", "Taylor here",
        "you're speaking with Jane",
        "good evening, Wilson speaking", "yes, who am I talking to?", "Elizabeth Green", "hey, Bob here", "hello, Sarah Parker",
        "Parker family, hello", "hi, Laura speaking", "hello, can I help you?", "yeah, this is Sam", "hello, hello, who's this?",
        "Doctor Hughes speaking", "it's Daniel, hi", "good morning, Anderson's",
    ),
    work=(
        "Northside Garage, Bill speaking, what can I do for you?",
            "Thanks for calling Luigi's, will that be pick up or delivery?",
        "Reception, good afternoon, how may I direct your call?",
        "Hello, Riverside Dental, this is Monica speaking.", "Front desk, Oliver here, good morning.",
        "Hill and Partners, good afternoon, Rachel speaking, what is it about?",
    ),
    talk=(
        "hello? oh, wait a second, let me turn the radio down, yes, who is it?",
        "hello, is that you? I have been waiting for your call all day",
        "yes, hi, I am in a meeting, can I ring you back in an hour?",
        "oh hi, I thought you would ring much later, hang on, I'll get a pen",
        "yes? no, he isn't in, he is at school until three, who shall I say called?",
    ),
    short=(
        "Please speak after the tone.", "Leave your message now.", "This is Jack, please leave a message.",
        "Nobody is home. Leave a message.",
        "Hey, leave me a message.", "After the beep, please.", "Frank's phone. Talk to the machine.", "Not in. Try again later.",
    ),
    greetings=(
        "Hello, you have reached Tom and Barbara. We can not take your call. Please leave your name and number after the beep.",
        "This is the phone of Alice Young. I am on holiday until the end of the month. For urgent matters write me a mail.",
        "Sorry, no one is available to take your call at the moment. Please leave a short message after the signal.",
        "Welcome to Northside Garage. We are open on weekdays from eight to six. Please call again, or leave a message.",
        "Hi, this is Kevin. I'm probably at work. Leave me something nice and I'll ring you.",
        "You've got the answering machine of Maria and Paul. We would love to hear from you, so talk after the beep.",
        "Good day. You are calling outside of our hours. We will be back on Monday morning at eight.",
        "Hi! I'm either away from my desk or on another line. If you leave your number, I'll get back to you.",
        "Hello. If you are hearing this, I could not pick up. Text me instead, I hardly ever listen to messages.",
    ),
    networks=(
        "The customer you have called is unavailable. Please leave a message after the tone, or hang up.",
        "Welcome to the mailbox of. four one five. five five five. two three four five. Record your message at the beep.",
        "The subscriber can not be reached at present. To leave a message, stay on the line. To send a text, press one.",
        "Hello. No one is available to take your call. Please leave a message after the tone.",
        "Voice mail. The mailbox of. two one two. five five five. zero one seven nine. is not set up yet. Good bye.",
    ),
    pauses=(
        ("Hello there.", "You have called the Robinson family, we can not answer the phone right now."),
        ("This is Emma.", "I can not talk at the moment, but I will call you back when you leave your number."),
        ("Good evening.", "The practice of doctor Stone is closed today, in an emergency please call the hospital."),
        ("Hi.", "This is Martin, I am probably out on the bike, so say what you want and I will ring back."),
        ("Hello, Baker's.", "We are closed for the holidays and open again on the second of January."),
    ),
    menus=(
        "Good day, and welcome to Lake County Water. To report a leak, press one now.",
        "You have reached Harbor Travel. Calls may be recorded. Please say what you are calling about.",
        "Welcome. If you know the extension of the person you wish to speak with, dial it at any time.",
    ),
    intercepts=(
        "The number you have called has been disconnected. No further information is available.",
        "All circuits are busy now. Please try your call again later.",
    ),
    prompts=(
        "Good day. This is your pharmacy. Your order is ready, and you may collect it from nine until five on any weekday.",
        "This is an important announcement of your power company about works in your street next week.",
    ),
    instruments=("organ", "flute", "marimba", "guitar", "choir", "bells", "harmonica", "electric piano", "harp"),
    noises=("fan", "rain", "car", "crackle", "steps", "breath", "dishes", "baby", "mobile phone", "water", "comfort noise",
            "helicopter", "hammer", "kettle", "birds", "drill"),
)  # fmt: skip
