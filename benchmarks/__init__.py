"""Peers of the engines, and the measured table."""
