"""The report of `verify`: the theorem's four steps."""
