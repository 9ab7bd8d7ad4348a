"""Checkpoint surgery: a trained model of one attention variant turned into another, or written in another basis."""
