"""The shared manager of models: which exist, what they cost, which are in memory, and what to do when it is full."""
