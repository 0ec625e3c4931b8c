"""Where slow dynamics come to rest: by drift, decay, deficit, and at the edge of stability."""
