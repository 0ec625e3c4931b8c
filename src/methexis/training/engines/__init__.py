"""What advances a run: engines behind one protocol, and the choice between them."""
