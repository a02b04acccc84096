"""Everything that ships with the app and is not code: models, texts, lessons, and the recipes that made them."""
