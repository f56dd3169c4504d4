"""How things stand, for the console's home: read from what is kept, without asking Halo or Business Central."""
