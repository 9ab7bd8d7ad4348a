"""A generation done twice at once, against transformers and its own cache."""

import copy

import numpy as np
import pytest
import torch
import transformers

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.models import DecoderModel, generate, pretrained
from course_lib.models.both_ways import decode_both_ways, largest_gap

PROMPT, STEPS = [3, 17, 5, 8], 6


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A tiny random one, and the same loaded here in float64."""
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=29, hidden_size=24, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
        intermediate_size=23, max_position_embeddings=40,
    )  # fmt: skip
    oracle = transformers.LlamaForCausalLM(config).eval()
    folder = tmp_path_factory.mktemp("llama")
    oracle.save_pretrained(folder)
    return oracle.double(), pretrained.load(folder).model.double()


def test_logits_tokens_and_rows_are_those_of_transformers(llama):
    oracle, model = llama
    both = decode_both_ways(model, PROMPT, STEPS)
    assert len(both.tokens) == len(PROMPT) + STEPS - 1
    with torch.no_grad():
        out = oracle(torch.tensor([both.tokens]), use_cache=True)
        logits = out.logits[0, len(PROMPT) - 1 :].numpy()
        text = oracle.generate(torch.tensor([PROMPT]), max_new_tokens=STEPS, min_new_tokens=STEPS, do_sample=False)
    assert both.tokens == text[0, :-1].tolist()
    # Llama's norms and angles are float32 in transformers whatever the weights are.
    np.testing.assert_allclose(both.recomputed, logits, rtol=0, atol=1e-5)
    np.testing.assert_allclose(both.cached, logits, rtol=0, atol=1e-5)
    V = np.stack([layer.values[0].numpy() for layer in out.past_key_values.layers])
    K = np.stack([layer.keys[0].numpy() for layer in out.past_key_values.layers])
    assert both.rows["V"].shape == (3, 2, len(both.tokens), 4)
    np.testing.assert_allclose(both.rows["V"], V, rtol=0, atol=1e-5)
    # Pairs of coordinates may stand elsewhere, which no inner product of two keys shows.
    np.testing.assert_allclose(both.rows["K"] @ both.rows["K"].swapaxes(2, 3), K @ K.swapaxes(2, 3), rtol=0, atol=1e-5)


def test_both_ways_are_equal_in_double_precision(llama):
    both = decode_both_ways(llama[1], PROMPT, STEPS)
    np.testing.assert_allclose(both.recomputed, both.cached, rtol=0, atol=1e-12)  # sums of tens of terms of size 1
    assert both.gaps.shape == (STEPS,) and both.gaps.max() < 1e-12


def test_a_text_may_end_at_the_context_limit(llama):
    """The last token that is chosen is never read."""
    assert llama[1].config.max_length == 40 == len(decode_both_ways(llama[1], [3] * 38, 3).tokens)


def test_a_cache_that_is_wrong_is_seen(llama):
    """The gap is of the rows themselves: keys that change with the calls that make them show."""
    model = copy.deepcopy(llama[1])
    compress, calls = model.blocks[1].attention.compress, []

    def drifting(X, positions):
        calls.append(len(calls))
        rows = compress(X, positions)
        return rows | {"K": rows["K"] + len(calls) * 1e-3}

    model.blocks[1].attention.compress = drifting
    assert decode_both_ways(model, PROMPT, 3).gaps.min() >= 1e-3 - 1e-9


def test_a_gap_is_of_either_sign_and_in_any_layer():
    zero, other = ({"K": [torch.zeros(1, 2, 3)] * 2, "V": [torch.zeros(1, 2, 3) for _ in range(2)]} for _ in range(2))
    other["V"][1][0, 1, 2], other["V"][0][0, 0, 0] = -0.5, 0.25
    assert largest_gap(zero, other) == largest_gap(other, zero) == 0.5


def test_latent_models_keep_latent_rows_without_heads():
    attention = LatentConfig(d_model=12, n_heads=3, d_latent=5, d_head=4, d_rope=2)
    torch.manual_seed(2)
    model = DecoderModel(ModelConfig(vocab_size=11, n_layers=2, attention=attention, d_ff=13)).double()
    both = decode_both_ways(model, [1, 2, 3], 4)
    assert {name: rows.shape for name, rows in both.rows.items()} == {"L": (2, 1, 6, 5 + 2)}
    assert generate(model, torch.tensor([[1, 2, 3]]), 4) == [[*both.tokens[3:], both.cached[-1].argmax()]]
    np.testing.assert_allclose(both.recomputed, both.cached, rtol=0, atol=1e-12)


def test_the_model_is_left_in_training_without_dropout_in_between():
    attention = GroupedConfig(d_model=12, n_heads=3)
    model = DecoderModel(ModelConfig(vocab_size=11, n_layers=2, attention=attention, d_ff=13, dropout=0.5)).double()
    both = decode_both_ways(model.train(), [1, 2], 3)
    np.testing.assert_allclose(both.recomputed, both.cached, rtol=0, atol=1e-12)
    assert model.training
