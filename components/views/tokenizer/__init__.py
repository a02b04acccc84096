"""What the Tokens page shows: payloads for its browser components, words, exports and the snippet."""
