"""What is computed from layers' weights: partial products, alignment, charges, entropic gap."""
