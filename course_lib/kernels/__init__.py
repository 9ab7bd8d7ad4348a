"""The arithmetic behind the layers: a layer says what is computed, a kernel how.

    attention     softmax(scale Q K^T) V, by torch's fused kernel or by products
    rowwise       what acts on each row by itself: products with weight matrices, norms (RMSNorm, LayerNorm),
                  feed-forward networks (FeedForward, SwiGLU, GeGLU)
    cpu           tuned to processors: the order of numbers in memory, and the fastest way to multiply few rows

No module here imports layers or models.
"""
