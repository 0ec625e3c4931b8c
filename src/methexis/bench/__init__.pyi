from methexis.bench.job import BenchSettings as BenchSettings
from methexis.bench.job import run_bench as run_bench
from methexis.bench.result import BenchResult as BenchResult
