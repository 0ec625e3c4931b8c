"""What all jobs share: dials, ensembles, statistics, verdicts and one way through them."""
