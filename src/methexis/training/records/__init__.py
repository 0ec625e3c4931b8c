"""What is kept of a run: measurements along it, checkpoints, and the labelled result on disk."""
