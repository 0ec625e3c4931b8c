"""Drawing of arrays on axes; it knows no noun, so that the data can be drawn elsewhere too."""
