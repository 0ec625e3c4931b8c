"""What measures are given: features or RDMs, checked, named and prepared."""
