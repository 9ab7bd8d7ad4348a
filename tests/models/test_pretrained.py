"""Checkpoints that transformers saves, tiny and random, give the same logits and the same text here."""

import json
import math
import sys
import types

import pytest
import tokenizers
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from course_lib import accounting
from course_lib.models import EncoderModel, MaskedTokenModel, generate, pretrained
from course_lib.models.pretrained.loading import recognise
from course_lib.models.pretrained.settings import Settings
from course_lib.models.pretrained.tokens import PretrainedTokenizer
from course_lib.models.shipped import describe_model, new_model

VOCAB, N, LAYERS = 29, 11, 3
FORMS = ("absorbed", "expanded", "absorbed")
# Both sides compute in float64 from the same float32 weights; sums of tens of terms of size 1, through three layers.
EXACT = dict(rtol=0, atol=1e-11)
# Llama's norms and angles, and DeepSeek's, are float32 in transformers whatever the weights are.
SINGLE = dict(rtol=0, atol=1e-4)

SIZES = dict(
    vocab_size=VOCAB, hidden_size=24, num_hidden_layers=LAYERS, num_attention_heads=6, intermediate_size=23,
    max_position_embeddings=40,
)  # fmt: skip
GROUPED = SIZES | dict(num_key_value_heads=2)
LATENT = SIZES | dict(
    kv_lora_rank=10, q_lora_rank=7, qk_rope_head_dim=4, qk_nope_head_dim=6, v_head_dim=5, first_k_dense_replace=LAYERS,
    num_key_value_heads=6,
)  # fmt: skip
GPT2 = dict(vocab_size=VOCAB, n_embd=15, n_layer=LAYERS, n_head=3, n_positions=40, bos_token_id=0, eos_token_id=0)
LINEAR = {"rope_type": "linear", "rope_theta": 300.0, "factor": 3.0}
YARN = {"rope_type": "yarn", "rope_theta": 300.0, "factor": 4.0, "original_max_position_embeddings": 10}
YARN |= {"mscale": 0.707, "mscale_all_dim": 0.707}
LONG = {"rope_type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 5.0], "rope_theta": 300.0}
LONG |= {"original_max_position_embeddings": 8}
MINICPM = {key: value for key, value in LATENT.items() if key != "first_k_dense_replace"}
CASES = {
    "gpt2": ("GPT2", GPT2),
    "gpt2 untied": ("GPT2", GPT2 | dict(tie_word_embeddings=False, n_inner=22, scale_attn_weights=False)),
    "gpt2 erf": ("GPT2", GPT2 | dict(activation_function="gelu", layer_norm_epsilon=1e-3)),
    "llama": ("Llama", GROUPED | dict(rms_norm_eps=1e-2)),
    "smollm": ("Llama", GROUPED | dict(tie_word_embeddings=True)),
    "llama wide": ("Llama", GROUPED | dict(attention_bias=True, head_dim=6, rope_parameters=LINEAR)),
    "mistral": ("Mistral", GROUPED | dict(sliding_window=4)),
    "mistral whole": ("Mistral", GROUPED | dict(sliding_window=None, head_dim=8)),
    "qwen2": ("Qwen2", GROUPED | dict(tie_word_embeddings=True)),
    "qwen2 windowed": ("Qwen2", GROUPED | dict(use_sliding_window=True, sliding_window=5, max_window_layers=0)),
    "qwen3": ("Qwen3", GROUPED | dict(head_dim=6, rms_norm_eps=1e-2)),
    "deepseek v2": ("DeepseekV2", LATENT | dict(q_lora_rank=None)),
    "deepseek v2 query latent": ("DeepseekV2", LATENT),
    "minicpm3": ("MiniCPM3", MINICPM),
    "minicpm3 full queries": ("MiniCPM3", MINICPM | dict(q_lora_rank=None, rope_parameters=LONG)),
    "deepseek v2 yarn": ("DeepseekV2", LATENT | dict(rope_parameters=YARN)),
    "deepseek v3 yarn": ("DeepseekV3", LATENT | dict(rope_parameters=YARN | {"mscale": 0.4})),
    "deepseek v3": ("DeepseekV3", LATENT | dict(rms_norm_eps=1e-3)),
    "deepseek v3 halves": ("DeepseekV3", LATENT | dict(rope_interleave=False, tie_word_embeddings=True)),
}
BERT = SIZES | dict(type_vocab_size=3)
ROBERTA = BERT | dict(vocab_size=VOCAB + 1, pad_token_id=VOCAB, max_position_embeddings=VOCAB + 1 + 40)
ENCODERS = {"Bert": BERT, "Roberta": ROBERTA, "XLMRoberta": ROBERTA}


def new_oracle(kind, **values):
    """A random model with gains and biases away from 1 and 0, so that a forgotten or swapped one fails."""
    torch.manual_seed(0)
    head = "ForMaskedLM" if kind in ENCODERS else "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    model = getattr(transformers, kind + head)(getattr(transformers, kind + "Config")(**values))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.4, 1.6)
            else:
                parameter.normal_(std=0.3)
    return model.eval()


def tokens(batch=2):
    return torch.randint(VOCAB, (batch, N), generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("name", CASES)
def test_equals_transformers(name, tmp_path):
    kind, values = CASES[name]
    oracle = new_oracle(kind, **values)
    oracle.save_pretrained(tmp_path)
    found = pretrained.load(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(found.model(tokens()), oracle(tokens()).logits, **SINGLE)
        want = oracle.double()(tokens()).logits
        torch.testing.assert_close(found.model.double()(tokens()), want, **(EXACT if kind == "GPT2" else SINGLE))
    new = oracle.generate(
        tokens(), attention_mask=torch.ones_like(tokens()), max_new_tokens=8, do_sample=False, eos_token_id=None,
        pad_token_id=0,
    )  # fmt: skip
    assert generate(found.model, tokens(), 8) == new[:, N:].tolist()


@pytest.mark.parametrize("name", [name for name, (_, values) in CASES.items() if "kv_lora_rank" in values])
def test_both_forms_of_latent_models(name, tmp_path):
    """Expanded and absorbed give the same rows, in chunks too; a token caches 14 numbers, as accounting predicts."""
    kind, values = CASES[name]
    new_oracle(kind, **values).save_pretrained(tmp_path)
    model = pretrained.load(tmp_path).model.double()
    caches, counted = model.new_caches(N), accounting.Model(name, model.config.attention_counts)
    model.prefill(tokens(), caches)
    assert sum(cache.nbytes for cache in caches) == counted.cache_bytes(N, batch=2, dtype="float64")
    assert counted.floats_per_token == LAYERS * (10 + 4)
    X = torch.randn(2, N, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    for layer in (block.attention for block in model.blocks):
        want, cache = layer(X, form="expanded"), layer.new_cache()
        torch.testing.assert_close(layer(X, form="absorbed"), want, **EXACT)
        chunks = [layer(x, cache, form=form) for x, form in zip(X.split([4, 6, 1], 1), FORMS, strict=True)]
        if "longrope" not in str(values):  # which turns the keys of a first chunk by other angles
            torch.testing.assert_close(torch.cat(chunks, 1), want, **EXACT)


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "XLMRoberta"])
@pytest.mark.parametrize("values", [{}, {"tie_word_embeddings": False}, {"layer_norm_eps": 1e-2}])
def test_equals_bert(kind, values, tmp_path):
    oracle = new_oracle(kind, **ENCODERS[kind] | values)
    oracle.save_pretrained(tmp_path)
    found = pretrained.load(tmp_path)
    assert type(found.model) is MaskedTokenModel
    lengths = torch.tensor([N, 4])
    seen = torch.arange(N) < lengths[:, None]
    with torch.no_grad():
        got = found.model(tokens(), lengths)[seen]
        torch.testing.assert_close(got, oracle(tokens(), attention_mask=seen.long()).logits[seen], **SINGLE)
        got, want = found.model.double()(tokens()), oracle.double()(tokens()).logits
        # The sum of positions and kind of sentence was rounded to float32.
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["Bert", "Roberta"])
@pytest.mark.parametrize("prefixed", [True, False])
@pytest.mark.parametrize("pooler", [True, False])
def test_equals_bert_without_a_head(kind, prefixed, pooler, tmp_path):
    """Most published encoders come so: with a pooler or without it, and with or without the names' prefix."""
    prefix = f"{kind.lower()}." if prefixed else ""
    oracle = getattr(new_oracle(kind, **ENCODERS[kind]), kind.lower())
    oracle.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    held = load_file(path) | {"embeddings.position_ids": torch.arange(40)[None]}
    held |= {"pooler.dense.weight": torch.ones(24, 24), "pooler.dense.bias": torch.ones(24)} if pooler else {}
    save_file({prefix + name: tensor for name, tensor in held.items()}, path)
    found = pretrained.load(tmp_path)
    assert type(found.model) is EncoderModel and found.card["model"]["class"] == "EncoderModel"
    lengths = torch.tensor([N, 4])
    seen = torch.arange(N) < lengths[:, None]
    with torch.no_grad():
        want = oracle(tokens(), attention_mask=seen.long()).last_hidden_state[seen]
        torch.testing.assert_close(found.model(tokens(), lengths)[seen], want, **SINGLE)
        got, want = found.model.double()(tokens()), oracle.double()(tokens()).last_hidden_state
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5)  # as above


@pytest.mark.parametrize(
    "kind, vocab_size, parameters", [("roberta", 50_265, 124_697_433), ("xlm-roberta", 250_002, 278_295_186)]
)
def test_published_sizes_of_roberta(kind, vocab_size, parameters):
    """Of roberta-base and xlm-roberta-base with their heads; texts have up to 512 tokens."""
    values = dict(
        model_type=kind, vocab_size=vocab_size, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
        intermediate_size=3072, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    family = recognise(Settings(values))
    assert sum(math.prod(shape) for rule in family.rules for shape in rule.sources.values()) == parameters
    assert family.config.max_length == 512


def test_an_encoder_and_its_config_go_together(tmp_path):
    """A card describes the encoder, as it describes the other models, so that it can be saved and loaded again."""
    new_oracle("Bert", **BERT).bert.save_pretrained(tmp_path)
    model = pretrained.load(tmp_path).model
    assert type(new_model(describe_model(model))) is EncoderModel


def test_shards(tmp_path):
    oracle = new_oracle("Llama", **GROUPED)
    oracle.save_pretrained(tmp_path, max_shard_size="6KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    found = pretrained.load(tmp_path)
    torch.testing.assert_close(found.model(tokens()), oracle(tokens()).logits, **SINGLE)
    assert len(found.card["files"]) == len(list(tmp_path.glob("*.safetensors")))


def test_names_of_early_files(tmp_path):
    """OpenAI's GPT-2 has no prefix and holds the causal masks; Google's BERT calls gains gamma, and has more heads."""
    oracle = new_oracle("GPT2", **GPT2)
    oracle.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    early = {name.removeprefix("transformer."): tensor for name, tensor in load_file(path).items()}
    save_file(early | {"h.0.attn.bias": torch.ones(1, 1, 40, 40, dtype=torch.uint8)}, path)
    torch.testing.assert_close(pretrained.load(tmp_path).model(tokens()), oracle(tokens()).logits, **SINGLE)

    oracle = new_oracle("Bert", **BERT)
    oracle.save_pretrained(tmp_path)
    early = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in load_file(path).items()
    }
    save_file(early | {"cls.seq_relationship.bias": torch.zeros(2), "bert.pooler.dense.bias": torch.zeros(24)}, path)
    torch.testing.assert_close(pretrained.load(tmp_path).model(tokens()), oracle(tokens()).logits, **SINGLE)


@pytest.mark.parametrize(
    "kind, values, name, shape",
    [
        ("Llama", GROUPED, "model.layers.2.self_attn.rotary_emb.inv_freq", (2,)),  # of early files
        ("DeepseekV3", LATENT | {"num_nextn_predict_layers": 1}, f"model.layers.{LAYERS}.eh_proj.weight", (24, 48)),
    ],
)
def test_tensors_that_take_no_part_in_the_logits(kind, values, name, shape, tmp_path):
    oracle = new_oracle(kind, **values)
    oracle.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file(load_file(path) | {name: torch.ones(shape)}, path)
    torch.testing.assert_close(pretrained.load(tmp_path).model(tokens()), oracle(tokens()).logits, **SINGLE)


@pytest.mark.parametrize(
    "kind, values",
    [
        ("Mistral", {}),
        ("Mistral", {"sliding_window": None}),
        ("Qwen2", {"sliding_window": 5}),
        ("Qwen2", {"sliding_window": 5, "use_sliding_window": True}),  # above 28 layers, of which there are 3
        ("Qwen2", {"use_sliding_window": True, "max_window_layers": 0}),
    ],
)
def test_windows_that_config_json_leaves_out_are_those_of_transformers(kind, values):
    theirs = getattr(transformers, kind + "Config")(**GROUPED, **values)
    windowed = getattr(theirs, "use_sliding_window", True) and getattr(theirs, "max_window_layers", 0) < LAYERS
    ours = recognise(Settings(GROUPED | values | {"model_type": theirs.model_type})).config.attention
    assert ours.window == (theirs.sliding_window if windowed else None)


def test_half_precision_becomes_float32(tmp_path):
    new_oracle("Llama", **GROUPED).bfloat16().save_pretrained(tmp_path)
    oracle = transformers.LlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    model = pretrained.load(tmp_path).model
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    torch.testing.assert_close(model(tokens()), oracle(tokens()).logits, **SINGLE)


def test_keys_of_config_before_transformers_5(tmp_path):
    oracle = new_oracle("Llama", **GROUPED, rope_parameters=LINEAR)
    oracle.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    del values["rope_parameters"]
    path.write_text(json.dumps(values | {"rope_theta": 300.0, "rope_scaling": {"type": "linear", "factor": 3.0}}))
    model = pretrained.load(tmp_path).model
    torch.testing.assert_close(model(tokens()), oracle(tokens()).logits, **SINGLE)
    assert model.config.max_length == 3 * 40  # positions are stretched


def test_what_is_known_of_a_checkpoint(tmp_path):
    new_oracle("Qwen3", **GROUPED, head_dim=6).save_pretrained(tmp_path)
    found = pretrained.load(tmp_path)
    assert found.card["files"] == ["model.safetensors"] and found.card["summary"].endswith("qwen3")
    assert found.card["model"]["parameters"] == sum(p.numel() for p in found.model.parameters())
    assert not found.model.training and not any(p.requires_grad for p in found.model.parameters())
    assert found.model.config.max_length == 40


def byte_level():
    inner = tokenizers.Tokenizer(tokenizers.models.BPE())
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=270, initial_alphabet=alphabet, special_tokens=["<|end|>"])
    inner.train_from_iterator(["the cat sat on the mat, the cat sat"], trainer)
    return inner


def test_tokenizer(tmp_path):
    new_oracle("GPT2", **GPT2).save_pretrained(tmp_path)
    byte_level().save(str(tmp_path / "tokenizer.json"))
    tokenizer = pretrained.load(tmp_path).tokenizer
    text = "the cat — été<|end|>"
    ids = tokenizer.encode(text)
    size = byte_level().get_vocab_size()
    assert len(tokenizer) == size and ids == byte_level().encode(text).ids
    assert tokenizer.decode(torch.tensor(ids)) == text
    shown = tokenizer.tokens(text)
    assert shown[:2] == ["the", " cat"] and shown[-1] == "<|end|>" and "<0xE2>" in shown
    with pytest.raises(ValueError, match=rf"ids must lie in 0..{size - 1} \(the vocabulary\), got {size}"):
        tokenizer.show(size)


ADDED = ["đem", "õ", "é", "Ġx", "ĢĢ", "▁ab", "猫", "đ<|x|>"]


def with_added_tokens(path):
    inner = byte_level()
    inner.add_tokens(ADDED[:-1])
    inner.add_special_tokens(ADDED[-1:])
    inner.save(str(path))
    return inner, PretrainedTokenizer(path)


def test_added_tokens_of_a_byte_level_vocabulary_are_plain_text(tmp_path):
    """Their letters are those that spell bytes: đ byte 0x11, õ byte 0xF5. tokenizer.json says them as text."""
    inner, tokenizer = with_added_tokens(tmp_path / "tokenizer.json")
    said = {i: token.content for i, token in inner.get_added_tokens_decoder().items()}
    assert {i: tokenizer.show(i) for i in said} == said and set(said.values()) > set(ADDED)
    text = "the đem õ▁abđ<|x|>猫"
    assert tokenizer.tokens(text) == ["the", " ", "đem", " ", "õ", "▁ab", "đ<|x|>", "猫"]
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(parts=st.lists(st.sampled_from([*ADDED, "the cat", " ", "—", "\u9fc3", "<|end|>", "\U0001f600", "ç"])))
def test_text_with_added_tokens_comes_back(parts, tmp_path_factory):
    """U+9FC3 begins with byte 0xE9, which the vocabulary spells é: one id, which is a letter where it stands alone."""
    _, tokenizer = with_added_tokens(tmp_path_factory.getbasetemp() / "added.json")
    text = "".join(parts)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_ids_without_added_tokens_are_decoded_by_the_package(tmp_path):
    inner, tokenizer = with_added_tokens(tmp_path / "tokenizer.json")
    ids = torch.randint(len(inner.get_vocab()), (500, 7), generator=torch.Generator().manual_seed(3)).tolist()
    letters = {inner.token_to_id(letter) for letter in ADDED}
    plain = [row for row in ids if not letters & set(row)]
    want = inner.decode_batch(plain, skip_special_tokens=False)
    assert len(plain) > 300 and [tokenizer.decode(row) for row in plain] == want
    # Beside an added token, too, bytes that are no text become as many U+FFFD as there.
    first, last = inner.token_to_id("đem"), inner.token_to_id("猫")
    assert [tokenizer.decode([first, *row, last]) for row in plain] == [f"đem{text}猫" for text in want]


def test_blanks_stay_blanks_where_their_spellings_are_added(tmp_path):
    """Ġ as an added token has the id of a blank, which nearly every text holds."""
    inner = byte_level()
    inner.add_tokens(["Ġ", "Ċ", "ĉ", "đem"])
    inner.save(str(tmp_path / "tokenizer.json"))
    tokenizer = PretrainedTokenizer(tmp_path / "tokenizer.json")
    text = "the cat\n\tđem  1"
    assert tokenizer.decode(tokenizer.encode(text)) == "".join(tokenizer.tokens(text)) == text


def test_tokenizer_with_special_tokens(tmp_path):
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[CLS]": 0, "\u2581cat": 1, "[UNK]": 2}, "[UNK]"))
    inner.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 0)])
    inner.save(str(tmp_path / "tokenizer.json"))
    tokenizer = PretrainedTokenizer(tmp_path / "tokenizer.json")
    assert tokenizer.encode("\u2581cat") == [1] and tokenizer.encode("\u2581cat", special=True) == [0, 1]
    assert tokenizer.tokens("\u2581cat", special=True) == ["[CLS]", " cat"]


def test_from_the_hub_only_when_asked(tmp_path, monkeypatch):
    new_oracle("Llama", **GROUPED).save_pretrained(tmp_path)
    asked = []

    def snapshot_download(name, allow_patterns, ignore_patterns):
        asked.append(name)
        wanted = ["config.json", "tokenizer.json", "model.safetensors.index.json", "*.safetensors"]  # no pickles
        assert allow_patterns == wanted and ignore_patterns == ["*/*"]
        return str(tmp_path)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    pretrained.load(tmp_path)
    assert asked == []
    assert pretrained.load("someone/tiny", hub=True).card["name"] == "someone/tiny" and asked == ["someone/tiny"]
