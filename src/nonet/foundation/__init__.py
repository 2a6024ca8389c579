"""What every wing stands on. It imports no wing."""
