"""Programs that pages show whole, each a file."""
