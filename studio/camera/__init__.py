"""From a camera path to what a model takes, and from a finished clip to what became of the path."""
