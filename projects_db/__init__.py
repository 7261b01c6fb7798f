"""What happened: projects, jobs, clips and media in one SQLite file. `Repository` is the only door."""
