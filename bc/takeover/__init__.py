"""Taking over from Halo's built-in integration: the links it left are found, shown and adopted; BC is only read."""
