"""One folder per model family. To add one: write the folder, add its name here."""

NAMES: tuple[str, ...] = ("wan",)
