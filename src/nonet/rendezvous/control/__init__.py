"""Controllers: how a robot drives to a point."""
