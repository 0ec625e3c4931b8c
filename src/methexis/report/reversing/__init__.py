"""The report of `reverse`: what does not return."""
