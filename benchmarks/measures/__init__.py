"""Benchmarks of the measures that need processes or files of their own."""
