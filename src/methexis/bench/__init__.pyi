from methexis.bench.job import BenchSettings as BenchSettings
from methexis.bench.job import run_bench as run_bench
from methexis.bench.measures.job import MeasuresResult as MeasuresResult
from methexis.bench.measures.job import MeasuresSettings as MeasuresSettings
from methexis.bench.measures.job import run_measures as run_measures
from methexis.bench.result import BenchResult as BenchResult
from methexis.bench.truth import Truth as Truth
from methexis.bench.truth import run_truth as run_truth
