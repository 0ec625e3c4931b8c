"""Translation where no pair is known, only samples of both sides."""
