"""Reports: text for the terminal, one self-contained page per result, every figure as PDF.

A folder per verb: ``page.py`` writes its page, ``text.py`` prints, ``figures.py`` has the data of
its figures, which `methexis.plots` draws. What all of them use is in ``house``.
"""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "breaking.page": ["write_break_report"],
        "breaking.text": ["print_break", "print_scenario"],
        "comparing.page": ["write_compare_report"],
        "comparing.text": ["print_compare"],
        "explaining.page": ["write_explain_report"],
        "explaining.text": ["print_explain"],
        "reversing.page": ["write_reverse_report"],
        "reversing.text": ["print_reversal", "print_reverse"],
        "sharpening.page": ["write_sharpen_report"],
        "sharpening.text": ["print_case", "print_sharpen"],
        "subjects.page": ["write_subjects_report"],
        "subjects.text": ["print_subjects"],
        "sweeping.page": ["write_sweep_report"],
        "sweeping.text": ["print_sweep"],
        "translating.page": ["write_translate_report"],
        "translating.text": ["print_translate"],
        "translating.unpaired_page": ["write_unpaired_report"],
        "translating.unpaired_text": ["print_unpaired"],
        "verify.page": ["write_verify_report"],
        "verify.text": ["print_verify"],
        "writing": ["write_report"],
    },
)
