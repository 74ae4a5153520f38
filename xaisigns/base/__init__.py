"""What knows nothing of images: languages, files, the cache, and the state of libraries."""
