"""What a report follows from, and whether that is still so."""
