"""Home: one sentence through all five stages."""
