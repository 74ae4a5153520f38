"""A model on a data set: predictions, relevance and scores, each computed once and kept; evaluation and tuning."""
