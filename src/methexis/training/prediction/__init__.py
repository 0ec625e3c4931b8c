"""What theory predicts for the plan of a run: along which path it goes, or why none is known."""
