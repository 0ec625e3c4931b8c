"""Work in threads and processes: crews, threads of BLAS, and properties that survive a fork."""
