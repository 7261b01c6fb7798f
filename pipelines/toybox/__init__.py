"""The embedded default model: its rendered world, captions, training and benchmark."""
