"""Nouns and their geometry: sources, views, students, charges, alignment, random streams."""
