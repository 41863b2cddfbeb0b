"""Raw to tidy: sources, corrections, accounts, the panel, and the issues found on the way."""
