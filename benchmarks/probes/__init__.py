"""What probing costs beside a model's own forward pass, hooks by hand and what a model offers."""
