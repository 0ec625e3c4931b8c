from methexis.report.bench import print_bench as print_bench
from methexis.report.breaking import print_break as print_break
from methexis.report.breaking import print_scenario as print_scenario
from methexis.report.breaking import write_break_report as write_break_report
from methexis.report.run import write_report as write_report
from methexis.report.terminal import print_verify as print_verify
from methexis.report.verify import write_verify_report as write_verify_report
