"""How well a model obeys, measured against the exact truth of rendered scenes it was never trained on."""
