"""Models against the RDMs of several subjects."""
