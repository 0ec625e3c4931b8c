"""What users wait for: calls as they are typed, in fresh processes, beside a reference."""
