"""Progressive sharpening: curvature along SGD against its prediction, and the force behind it."""
