"""What makes a score believable: nulls, intervals, and corrections for having looked at many."""
