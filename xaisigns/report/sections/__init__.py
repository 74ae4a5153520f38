"""The sections of a report, a folder each."""
