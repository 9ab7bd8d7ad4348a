"""Text from a decoder-only model: prefill the prompt, then one token at a time (paper, section 5)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.config import require
from course_lib.layers import Cache
from course_lib.models.decoder import DecoderModel
from course_lib.models.embeddings import check_tokens
from course_lib.models.inference import check_count, check_room, check_token, evaluating, finite
from course_lib.models.sampling import Sampling


def generate(
    model: DecoderModel,
    tokens: Tensor,
    n_new: int,
    lengths: Tensor | None = None,
    *,
    stop: int | None = None,
    cached: bool = True,
    **sampling,
) -> list[list[int]]:
    """Continue the prompts `tokens` (b, n): up to n_new new tokens for each, as lists without the prompt.

    lengths: (b,) tokens of each prompt, padding on the right. stop: a token that ends its sequence and is left out.
    cached: keep keys and values. Without, each step reads the whole text again; the tokens are the same, unless the
    text passes the length of a `DynamicRope`.
    sampling: the fields of `Sampling`; greedy by default.
    Raises ValueError before the first step for a text that would pass the context limit, and for bad arguments.

        generate(model, tokens, 20, temperature=0.8, top_k=50, seed=1)
    """
    chosen = Sampling(**sampling)
    check_prompt(model, tokens, lengths, n_new, stop)
    device, n = model.embedding.W_E.device, tokens.shape[1]
    lengths = torch.full((len(tokens),), n) if lengths is None else lengths.cpu()
    text, ends = F.pad(tokens, (0, n_new)).to(device), lengths.clone()
    random, going = chosen.generator(), torch.ones(len(tokens), dtype=torch.bool)
    caches = model.new_caches() if cached else None
    with evaluating(model):
        for written in range(n_new):
            if cached and written:
                logits = model.decode(token[:, None].to(device), caches)
            else:
                logits = prefill(model, text, caches, lengths + written)
            token = chosen.choose(finite(logits), random)
            text[torch.arange(len(text)), lengths + written] = token.to(device)
            going &= token != (-1 if stop is None else stop)
            ends += going
            if not going.any():
                break
    return [row[i:j].tolist() for row, i, j in zip(text, lengths, ends, strict=True)]


def prefill(model: DecoderModel, text: Tensor, caches: list[Cache] | None, lengths: Tensor) -> Tensor:
    """Logits (b, vocab_size) of what follows the first lengths[i] tokens of each sequence of text (b, n)."""
    longest = int(lengths.max())
    return model.prefill(text[:, :longest], caches, lengths if int(lengths.min()) < longest else None)


def check_prompt(model: DecoderModel, tokens: Tensor, lengths: Tensor | None, n_new: int, stop: int | None) -> None:
    """Raises ValueError for arguments that do not fit, before anything is computed."""
    config = model.config
    check_count("n_new", n_new)
    check_tokens(tokens, lengths, config.vocab_size)
    least = tokens.shape[1] if lengths is None else int(lengths.min())
    require(least > 0, f"lengths must be at least 1, so that there is something to continue, got {least}")
    if stop is not None:
        check_token("stop", stop, config.vocab_size)
    longest = tokens.shape[1] if lengths is None else int(lengths.max())
    read = longest + n_new - 1  # the model need not read the last token
    check_room(read, config.max_length, f"n_new = {n_new} tokens after a prompt of {longest}")
