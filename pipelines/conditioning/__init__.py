"""Pictures and clips to control clips, the structure that a model follows: depth, pose, edges. No torch at import."""
