from .results.result import Sweep as Sweep
from .sweeping import open_sweep as open_sweep
from .sweeping import retry as retry
from .sweeping import sweep as sweep
