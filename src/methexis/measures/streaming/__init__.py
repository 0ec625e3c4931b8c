"""Representations that do not fit into memory: one pass over both, a block of rows at a time."""

from methexis.measures.streaming.chance import Chance
from methexis.measures.streaming.pass_moments import PassMoments, least_bytes, one_pass
from methexis.measures.streaming.scores import Streamed, stream

__all__ = [
    "Chance",
    "PassMoments",
    "Streamed",
    "least_bytes",
    "one_pass",
    "stream",
]
