from methexis.representations.opening import load as load
from methexis.representations.pooling import POOLS as POOLS
from methexis.representations.pooling import pool_tokens as pool_tokens
from methexis.representations.representation import Representation as Representation
from methexis.representations.representation import Representations as Representations
