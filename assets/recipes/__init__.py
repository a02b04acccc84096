"""How every asset was made. Run a recipe and an asset that meets the same bars comes out."""
