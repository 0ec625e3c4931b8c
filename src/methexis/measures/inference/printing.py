"""How results print their numbers."""

from __future__ import annotations

import numpy as np

#: P-values below which a fitted tail carries no information.
_LEAST = 1e-4


def rounded(value: float) -> str:
    """Four decimals, without the sign of a zero.

    Examples
    --------
    >>> rounded(-0.00001), rounded(-0.25)
    ('0.0000', '-0.2500')
    """
    return f"{value:z.4f}"


def probability(name: str, p: float) -> str:
    """A p-value; of one below ``1e-4`` only that it is, because its size tells nothing.

    Examples
    --------
    >>> probability("p", 0.0123), probability("p", 0.0)
    ('p 0.012', 'p < 1e-4')
    """
    return f"{name} < 1e-4" if p < _LEAST else f"{name} {p:.2g}"


def sized(p: float) -> float | str:
    """A p-value for a table: a number where its size tells something, a dash where there is none.

    Examples
    --------
    >>> sized(0.0123), sized(0.0), sized(float("nan"))
    (0.0123, '< 1e-4', '–')
    """
    if np.isnan(p):
        return "–"
    return "< 1e-4" if p < _LEAST else p


def short(value: float) -> str:
    """Two decimals, for sentences.

    Examples
    --------
    >>> short(0.6234), short(-0.001)
    ('0.62', '0.00')
    """
    return f"{value:z.2f}"


def percent(share: float, *, unit: bool = True) -> str:
    """A share in percent.

    Examples
    --------
    >>> percent(0.623), percent(-0.001, unit=False)
    ('62 %', '0')
    """
    return f"{100.0 * share:z.0f}" + (" %" if unit else "")


def cell(value: float, span: float = 1.0) -> str:
    """Write a score so that a column of them can be compared.

    Examples
    --------
    >>> cell(0.4321), cell(-0.031), cell(-0.001), cell(1.0), cell(12.345, 20.0), cell(float("nan"))
    ('.43', '-.03', '.00', '1.0', '12.3', '–')
    """
    if not np.isfinite(value):
        return "–"
    if span > 2.0:
        return f"{value:.3g}"
    text = f"{value:.2f}".replace("-0.00", "0.00")
    if text.lstrip("-").startswith("0."):
        return text.replace("0.", ".", 1)
    return f"{value:.1f}"
