"""What the house costs: start, memory, one invoice end to end, and twenty thousand records beside other readers. Measured by `make bench`, never asserted."""
