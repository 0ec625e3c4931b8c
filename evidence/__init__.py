"""Experiments that take longer than the tests have: what they claim, how they run, what came out.

``python -m evidence.run`` runs them and writes ``evidence/results/NAME.json``; ``python -m
evidence.render`` turns these files into the tables of docs/numbers.md and docs/evidence.md. Each
experiment is one file in ``evidence/experiments``. Its problems, learning rates, seeds, numbers of
replicas and the model of the fit stand in that file and were fixed before its results were known.
"""
