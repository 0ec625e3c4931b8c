"""One file per experiment; `evidence.registry` lists them."""
