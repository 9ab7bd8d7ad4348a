"""Text for the course: tokenizers, corpora that every installation holds, number names, and word embeddings."""
