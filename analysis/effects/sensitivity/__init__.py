"""What would move an estimate: trends that differ, choices, groups left out, villages missing."""
