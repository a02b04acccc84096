"""What a reader of the Topics page sees."""
