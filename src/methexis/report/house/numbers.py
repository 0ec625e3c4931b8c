"""How numbers are written in a report: one way for each kind, so that a test can look for them."""

from __future__ import annotations

import math

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def alignment(value: float | None) -> str:
    """Six digits: ``1 - alignment`` of a good run is about a millionth. None was not measured.

    Examples
    --------
    >>> alignment(0.99312177)
    '0.993122'
    """
    return "not measured" if value is None or math.isnan(value) else f"{value:.6f}"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with so many significant digits, very large and small ones by a power of ten.

    Examples
    --------
    >>> number(0.0092947), number(6.9e-7, 2), number(1234.5), number(1.0), number(0.0)
    ('0.00929', '6.9 × 10⁻⁷', '1230', '1.00', '0')
    """
    if value is None or math.isnan(value):
        return "not measured"
    if math.isinf(value):
        return str(value)
    if value == 0.0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -3 <= power < 5:
        text = f"{float(f'{mantissa}e{exponent}'):.{max(digits - 1 - power, 0)}f}"
    else:
        text = f"{mantissa} × 10{str(power).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def deviation(value: float, digits: int = 2) -> str:
    """Write a number of standard deviations, always with its sign; none of them is ``+0``.

    Examples
    --------
    >>> deviation(0.314), deviation(-2.56, 1), deviation(-1e-5)
    ('+0.31', '−2.6', '+0.00')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def count(value: int) -> str:
    """Write a whole number with thin spaces (which do not break) between thousands.

    Examples
    --------
    >>> count(1234567).split(chr(0x202F))
    ['1', '234', '567']
    """
    return f"{value:,}".replace(",", "\u202f")


def seconds(value: float) -> str:
    """Write a duration.

    Examples
    --------
    >>> seconds(0.2814), seconds(75.4), seconds(7322.0)
    ('0.28 s', '1 min 15 s', '2 h 2 min')
    """
    if value < 10:
        return f"{value:.2g} s"
    if value < 60:
        return f"{value:.0f} s"
    if value < 3600:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{int(value // 3600)} h {int(value % 3600 // 60)} min"


def words(value: int) -> str:
    """Write a small whole number as a word, to begin a sentence with.

    Examples
    --------
    >>> words(2), words(40)
    ('two', '40')
    """
    small = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return small[value] if 0 <= value < len(small) else str(value)


def typeset(text: str) -> str:
    """Replace the signs of plain text in a terminal by those of print.

    Examples
    --------
    >>> typeset("median >= 0.999, 1 - least <= 1")
    'median ≥ 0.999, 1 − least ≤ 1'
    """
    return text.replace(">=", "≥").replace("<=", "≤").replace(" - ", " − ")
