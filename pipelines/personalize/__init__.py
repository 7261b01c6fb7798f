"""A person's subject from a few pictures: what is learned, from what, and how it is worn by a model."""
