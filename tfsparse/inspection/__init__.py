"""What is inside a TFLite file, and what each runtime makes of it."""
