"""How clips are made: domain nouns, model families, the model manager. Knows no screen and no database."""
