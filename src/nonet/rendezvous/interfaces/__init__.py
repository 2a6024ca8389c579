"""The world for other people's learners: PettingZoo, Gymnasium, and functions in the manner of JaxMARL."""
