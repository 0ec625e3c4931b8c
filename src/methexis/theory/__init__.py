"""Closed forms and slow dynamics (NumPy and SciPy only; shares no code with what it judges)."""
