"""What a sweep turns: its specification, read and checked key by key, each with its place."""
