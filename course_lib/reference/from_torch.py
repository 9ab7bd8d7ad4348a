"""Copy layers of torch's nn.Transformer, with their weights, to layers of `course_lib.reference`.

torch multiplies weights on the left, stacks W_Q, W_K and W_V of all heads in one matrix, and has biases in its
attention, which ours has not: they must be zero, as torch draws them.
"""

import numpy as np

from course_lib.fields import require
from course_lib.reference.feedforward import FeedForward, relu
from course_lib.reference.multi_head import MultiHeadAttention
from course_lib.reference.norms import LayerNorm
from course_lib.reference.transformer import Around, DecoderLayer, EncoderLayer, PostLN, PreLN


def transform(theirs, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The output of a torch.nn.Transformer for one source (N, d) and one target (n, d), by this package's layers."""
    for layer in theirs.encoder.layers:
        source = encoder_layer(layer)(source)
    H = layer_norm(theirs.encoder.norm)(source)  # the encoder's last state
    for layer in theirs.decoder.layers:
        target = decoder_layer(layer)(target, H)
    return layer_norm(theirs.decoder.norm)(target)


def encoder_layer(theirs) -> EncoderLayer:
    """Copy a torch.nn.TransformerEncoderLayer with ReLU."""
    return EncoderLayer(
        attention=attention(theirs.self_attn),
        feed_forward=feed_forward(theirs),
        around_attention=around(theirs, theirs.norm1),
        around_feed_forward=around(theirs, theirs.norm2),
    )


def decoder_layer(theirs) -> DecoderLayer:
    """Copy a torch.nn.TransformerDecoderLayer with ReLU."""
    return DecoderLayer(
        self_attention=attention(theirs.self_attn),
        cross_attention=attention(theirs.multihead_attn),
        feed_forward=feed_forward(theirs),
        around_self_attention=around(theirs, theirs.norm1),
        around_cross_attention=around(theirs, theirs.norm2),
        around_feed_forward=around(theirs, theirs.norm3),
    )


def attention(theirs) -> MultiHeadAttention:
    """Copy a torch.nn.MultiheadAttention. Raises ValueError for biases that are not zero."""
    for name, bias in (("in_proj_bias", theirs.in_proj_bias), ("out_proj.bias", theirs.out_proj.bias)):
        require(bias is None or not array(bias).any(), f"{name} must be zero, since this attention has no biases")
    d, h = theirs.embed_dim, theirs.num_heads
    W_Q, W_K, W_V = array(theirs.in_proj_weight).reshape(3, h, -1, d).transpose(0, 1, 3, 2)
    return MultiHeadAttention(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=array(theirs.out_proj.weight).T.reshape(h, -1, d))


def feed_forward(theirs) -> FeedForward:
    """Copy the two torch.nn.Linear of a torch layer."""
    (W_1, b_1), (W_2, b_2) = (map(array, linear.parameters()) for linear in (theirs.linear1, theirs.linear2))
    return FeedForward(W_1=W_1.T, b_1=b_1, W_2=W_2.T, b_2=b_2, f=relu)


def around(layer, norm) -> Around:
    """A torch.nn.LayerNorm placed as `norm_first` of its layer says."""
    return (PreLN if layer.norm_first else PostLN)(layer_norm(norm))


def layer_norm(theirs) -> LayerNorm:
    """Copy a torch.nn.LayerNorm."""
    return LayerNorm(array(theirs.weight), array(theirs.bias), theirs.eps)


def array(tensor) -> np.ndarray:
    """The tensor as a NumPy array, which shares its memory."""
    return tensor.detach().numpy()
