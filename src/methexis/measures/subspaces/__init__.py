"""Measures of shapes and spans: functions of two bases and the overlap between them."""
