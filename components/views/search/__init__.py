"""What the Search page shows."""
