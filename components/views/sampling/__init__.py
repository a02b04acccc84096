"""What the Sampling page shows: the picture's data, its sentences, its panels, its snippet and its files."""
