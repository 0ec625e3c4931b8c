"""What a sweep measured: its result on disk, in words, and in pictures."""
