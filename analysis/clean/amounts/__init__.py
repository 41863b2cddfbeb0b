"""What one cell says: a number, its span, its unit."""
