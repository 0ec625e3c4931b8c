"""Lists of neighbours in which some are equally near."""
