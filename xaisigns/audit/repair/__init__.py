"""Repair: from a finding, a network that no longer decides by the feature."""
