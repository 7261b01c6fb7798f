"""How much of a stranger's file is read, and why. Everything above is refused before it costs memory or time."""

MAX_FILE_BYTES = 4 * 2**30
"""4 GiB: several minutes of ProRes 1080p; more is no material for clips of seconds."""

MAX_PICTURE_BYTES = 512 * 2**20
"""512 MiB: a 64-megapixel 16-bit RGBA picture without any compression."""

MAX_PIXELS = 64_000_000
"""64 megapixels per picture: above any current camera's video and most photos, 192 MB decoded."""

MAX_SIDE = 16_384
"""Pixels per side: the most that H.264 and WebP pictures carry."""

MAX_FRAMES = 20_000
"""Frames per clip: over five minutes at 60 per second."""

MAX_SECONDS = 600.0
"""Ten minutes: the longest clip that is worth conditioning on."""

MAX_DECODED_BYTES = 2 * 2**30
"""2 GiB of RGB held at once: 777 frames of 1280x720, beside a model on a 16 GB machine."""

MAX_FPS = 1000.0
"""Frames per second: slow-motion cameras; above it a header is broken."""

MAX_EMBEDDED_BYTES = 1_000_000
"""Start pictures that travel inside a clip, all together: what makes `again FILE` work from the file alone."""

MAX_RECORD_CHARS = 2_000_000
"""A record as text: the longest request plus the embedded media in base64 plus room for facts."""
