"""Adam and RMSProp: the potential that they lower, its least value, and their slow motion.

docs/adaptive.md has the derivation. `potential` has ``U`` and its gradient, `minimum` the closed
form of its least value, `slow` the velocity along the minima, `path` and `ends` what follows.
"""
