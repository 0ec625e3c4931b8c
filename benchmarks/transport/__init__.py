"""Translation beside plain orthogonal Procrustes and relative representations."""
