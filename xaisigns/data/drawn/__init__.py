"""Traffic signs drawn by the package: nothing to download, and exact masks."""
