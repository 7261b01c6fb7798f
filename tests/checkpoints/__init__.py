"""What every card of every family promises, held against tiny checkpoints of its true classes."""
