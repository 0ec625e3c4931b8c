"""What each operation of PyTorch asks of a change of basis: a table of rules, a family per file."""

from methexis.probes.interfaces.rules.table import RULES as RULES
