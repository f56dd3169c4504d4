"""What the house costs: start, memory, and one invoice end to end. Measured by `make bench`, never asserted."""
