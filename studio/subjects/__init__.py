"""People's own subjects: pictures in, a token out, and that token in every prompt."""
