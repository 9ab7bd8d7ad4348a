"""Checkpoint surgery: convert a trained model to another attention variant, or rewrite its heads in another basis."""
