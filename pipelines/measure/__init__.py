"""Measure how the camera of a clip moved, from its frames alone; classical geometry, no learned part."""
