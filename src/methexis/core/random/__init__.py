"""Random numbers as a pure function of their address."""
