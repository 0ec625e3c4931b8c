"""The report of `methexis subjects`: page, figures and text."""
