"""The report of `translate`: maps between two representations, and what they are worth."""
