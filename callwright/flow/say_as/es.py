"""Spanish."""

from datetime import date as Date
from datetime import time as Time

DECIMAL_POINT, MINUS, AND = ",", "menos", "con"
SIGNS = {"*": "asterisco", "#": "almohadilla", ".": "punto", "-": "guion"}
WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
CURRENCY = "EUR"
CURRENCIES = {
    "USD": ("dólar", "dólares", "centavo", "centavos"),
    "EUR": ("euro", "euros", "céntimo", "céntimos"),
    "GBP": ("libra", "libras", "penique", "peniques"),
    "CAD": ("dólar canadiense", "dólares canadienses", "centavo", "centavos"),
    "MXN": ("peso", "pesos", "centavo", "centavos"),
    "CHF": ("franco suizo", "francos suizos", "céntimo", "céntimos"),
}
ADDRESS = {
    "c/": "Calle", "c": "Calle", "av": "Avenida", "avda": "Avenida", "pza": "Plaza", "pl": "Plaza", "ctra": "Carretera",
    "pº": "Paseo", "no": "número", "nº": "número", "izq": "izquierda", "dcha": "derecha", "apto": "apartamento",
}  # fmt: skip


def date(day: Date) -> str:
    return f"{WEEKDAYS[day.weekday()]}, {day.day} de {MONTHS[day.month - 1]} de {day.year}"


def time(at: Time) -> str:
    hours = "1 hora" if at.hour == 1 else f"{at.hour} horas"
    if not at.minute:
        return hours
    return f"{hours} y {at.minute} {'minuto' if at.minute == 1 else 'minutos'}"
