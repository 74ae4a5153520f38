"""A model's attributions of a whole data set in a Zarr store: written chunk by chunk, read lazily."""
