"""French."""

from datetime import date as Date
from datetime import time as Time

DECIMAL_POINT, MINUS, AND = ",", "moins", "et"
SIGNS = {"*": "étoile", "#": "dièse", ".": "point", "-": "tiret"}
WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
CURRENCY = "EUR"
CURRENCIES = {
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "centime", "centimes"),
    "GBP": ("livre", "livres", "penny", "pence"),
    "CAD": ("dollar canadien", "dollars canadiens", "cent", "cents"),
    "MXN": ("peso mexicain", "pesos mexicains", "centavo", "centavos"),
    "CHF": ("franc suisse", "francs suisses", "centime", "centimes"),
}
ADDRESS = {
    "bd": "boulevard", "blvd": "boulevard", "av": "avenue", "ave": "avenue", "pl": "place", "rte": "route", "ch": "chemin",
    "imp": "impasse", "all": "allée", "sq": "square", "st": "saint", "ste": "sainte", "apt": "appartement", "bât": "bâtiment",
}  # fmt: skip


def date(day: Date) -> str:
    number = "premier" if day.day == 1 else str(day.day)
    return f"{WEEKDAYS[day.weekday()]} {number} {MONTHS[day.month - 1]} {day.year}"


def time(at: Time) -> str:
    hours = f"{at.hour} heure" if at.hour < 2 else f"{at.hour} heures"
    return f"{hours} {at.minute}" if at.minute else hours
