"""Scores of attributions: what they are measured on, and how good they are."""
