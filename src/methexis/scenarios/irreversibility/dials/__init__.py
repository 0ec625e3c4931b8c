"""The catalogue of `reverse`: a file for each thing that decides what does not return."""
