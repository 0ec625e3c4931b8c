"""The report of `methexis sweep`: page, figures and text."""
