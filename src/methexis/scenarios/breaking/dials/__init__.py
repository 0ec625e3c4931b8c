"""The catalogue of `break`: a file for each way of breaking perfect alignment."""
