"""One recipe a page: MODELS, build(model) and compare(stored, fresh)."""
