"""German."""

from datetime import date as Date
from datetime import time as Time

DECIMAL_POINT, MINUS, AND = ",", "minus", "und"
SIGNS = {"*": "Stern", "#": "Raute", ".": "Punkt", "-": "Strich"}
WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
CURRENCY = "EUR"
CURRENCIES = {
    "USD": ("Dollar", "Dollar", "Cent", "Cent"),
    "EUR": ("Euro", "Euro", "Cent", "Cent"),
    "GBP": ("Pfund", "Pfund", "Penny", "Pence"),
    "CAD": ("kanadischer Dollar", "kanadische Dollar", "Cent", "Cent"),
    "MXN": ("mexikanischer Peso", "mexikanische Pesos", "Centavo", "Centavos"),
    "CHF": ("Franken", "Franken", "Rappen", "Rappen"),
}
ADDRESS = {
    "str": "Straße", "pl": "Platz", "hbf": "Hauptbahnhof", "nr": "Nummer", "og": "Obergeschoss", "eg": "Erdgeschoss",
    "st": "Sankt", "whg": "Wohnung",
}  # fmt: skip


def date(day: Date) -> str:
    return f"{WEEKDAYS[day.weekday()]}, {day.day}. {MONTHS[day.month - 1]} {day.year}"


def time(at: Time) -> str:
    return f"{at.hour} Uhr {at.minute}" if at.minute else f"{at.hour} Uhr"
