"""Items that have several rows on a side, one pair of layers or all."""
