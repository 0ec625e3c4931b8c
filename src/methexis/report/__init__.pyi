from methexis.report.bench import print_bench as print_bench
from methexis.report.run import write_report as write_report
from methexis.report.terminal import print_verify as print_verify
from methexis.report.verify import write_verify_report as write_verify_report
