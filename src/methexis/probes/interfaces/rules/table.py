"""All rules by the name of their operation, without its namespace and overload."""

from __future__ import annotations

from methexis.probes.interfaces.rules.call import Rule
from methexis.probes.interfaces.rules.contractions import CONTRACTIONS
from methexis.probes.interfaces.rules.normalising import NORMALISING
from methexis.probes.interfaces.rules.pointwise import POINTWISE
from methexis.probes.interfaces.rules.reductions import REDUCTIONS
from methexis.probes.interfaces.rules.views import VIEWS

RULES: dict[str, Rule] = {**POINTWISE, **VIEWS, **CONTRACTIONS, **REDUCTIONS, **NORMALISING}
