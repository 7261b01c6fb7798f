"""The shelf: what models and LoRA a person has, what more can be fetched, and what becomes of it here."""
