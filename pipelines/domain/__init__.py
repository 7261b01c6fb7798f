"""The nouns of the studio, in pure Python and numpy: request, capabilities, frames, errors."""
