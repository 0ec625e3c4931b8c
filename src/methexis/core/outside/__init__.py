"""What comes from outside: arrays of others, and files of NumPy."""
