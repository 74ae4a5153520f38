"""A model on a data set: cases, scores and tuning."""
