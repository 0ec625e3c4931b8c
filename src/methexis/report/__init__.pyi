from methexis.report.breaking.page import write_break_report as write_break_report
from methexis.report.breaking.text import print_break as print_break
from methexis.report.breaking.text import print_scenario as print_scenario
from methexis.report.comparing.page import write_compare_report as write_compare_report
from methexis.report.comparing.text import print_compare as print_compare
from methexis.report.explaining.page import write_explain_report as write_explain_report
from methexis.report.explaining.text import print_explain as print_explain
from methexis.report.reversing.page import write_reverse_report as write_reverse_report
from methexis.report.reversing.text import print_reversal as print_reversal
from methexis.report.reversing.text import print_reverse as print_reverse
from methexis.report.sharpening.page import write_sharpen_report as write_sharpen_report
from methexis.report.sharpening.text import print_case as print_case
from methexis.report.sharpening.text import print_sharpen as print_sharpen
from methexis.report.subjects.page import write_subjects_report as write_subjects_report
from methexis.report.subjects.text import print_subjects as print_subjects
from methexis.report.sweeping.page import write_sweep_report as write_sweep_report
from methexis.report.sweeping.text import print_sweep as print_sweep
from methexis.report.translating.page import write_translate_report as write_translate_report
from methexis.report.translating.text import print_translate as print_translate
from methexis.report.translating.unpaired_page import (
    write_unpaired_report as write_unpaired_report,
)
from methexis.report.translating.unpaired_text import print_unpaired as print_unpaired
from methexis.report.verify.page import write_verify_report as write_verify_report
from methexis.report.verify.text import print_verify as print_verify
from methexis.report.writing import write_report as write_report
