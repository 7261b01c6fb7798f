"""Where the camera stands and what it sees: poses, paths, moves, files, warps. Pure Python and numpy."""
