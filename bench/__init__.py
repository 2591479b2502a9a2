"""Reproducible benchmarks of stresser against a bare script, and long trials of it."""
