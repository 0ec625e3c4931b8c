"""What the canonical gauge is good for, and what it is not good for."""
