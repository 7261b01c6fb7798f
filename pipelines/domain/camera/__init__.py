"""The camera: where it stands (pose), how it moves (path, moves), its files (formats), what it sees (warp)."""
