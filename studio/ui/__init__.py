"""The window: a Gradio form on our own server, with our own stage, queue and library around it."""
