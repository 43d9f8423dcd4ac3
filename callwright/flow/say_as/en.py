"""English."""

from datetime import date as Date
from datetime import time as Time

DECIMAL_POINT, MINUS, AND = ".", "minus", "and"
SIGNS = {"*": "star", "#": "pound", ".": "point", "-": "dash"}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
CURRENCY = "USD"
CURRENCIES = {
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "MXN": ("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
}
ADDRESS = {
    "st": "Street", "ave": "Avenue", "av": "Avenue", "blvd": "Boulevard", "rd": "Road", "dr": "Drive", "ln": "Lane", "ct": "Court",
    "pl": "Place", "sq": "Square", "hwy": "Highway", "pkwy": "Parkway", "apt": "Apartment", "ste": "Suite", "fl": "Floor",
    "n": "North", "s": "South", "e": "East", "w": "West",
    "ne": "Northeast", "nw": "Northwest", "se": "Southeast", "sw": "Southwest",
}  # fmt: skip


def date(day: Date) -> str:
    return f"{WEEKDAYS[day.weekday()]}, {MONTHS[day.month - 1]} {day.day}, {day.year}"


def time(at: Time) -> str:
    half = "AM" if at.hour < 12 else "PM"
    hour = at.hour % 12 or 12
    minutes = "" if at.minute == 0 else f" oh {at.minute}" if at.minute < 10 else f" {at.minute}"
    return f"{hour}{minutes} {half}"
