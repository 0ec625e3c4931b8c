"""Linear maps learnt between two representations, and judged on samples left out."""
