"""The report of a result that has no page of its own: its sentence, its picture and its table."""
