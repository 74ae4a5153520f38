"""What explain, compare and show draw."""
