"""BERT, with its masked-token head or as an encoder: Post-LN, learned positions, an embedding of the kind of sentence.

The course's models take one text, all of whose tokens are of the first kind. Its embedding is added to every token, as
a position's is, and therefore becomes a part of the positions.
"""

from dataclasses import replace

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models.encoder import EncoderModel
from course_lib.models.on_encoder import MaskedTokenModel
from course_lib.models.pretrained.rules import Family, Rule, copied, linear, norm
from course_lib.models.pretrained.settings import Settings

# Settings of dropout, and of the pooled row with its classes.
WITHOUT_EFFECT = """
    attention_probs_dropout_prob classifier_dropout directionality hidden_dropout_prob pooler_fc_size
    pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head pooler_type
"""
TABLE, DECODER = "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder"
# tensor -> the one that it repeats. The output's bias has two names; without ties the first one has no effect.
TIES = {f"{DECODER}.weight": TABLE, "cls.predictions.bias": f"{DECODER}.bias"}
# A second output of BERT says whether two sentences follow each other. Early files also hold the position numbers.
UNUSED = r"bert\.pooler\..*|cls\.seq_relationship\..*|bert\.embeddings\.position_ids"


def family(settings: Settings) -> Family:
    """The family of a config.json with model_type bert."""
    config, kinds = model_config(settings), settings.integer("type_vocab_size", 2)
    return Family(
        MaskedTokenModel,
        config,
        encoder_rules(config, kinds, "encoder.") + head_rules(config),
        prefix="bert.",
        heads=("cls.",),
        copies=TIES if config.tied else {},
        unused=UNUSED if config.tied else rf"{UNUSED}|cls\.predictions\.bias",
        bare=encoder(config, kinds),
        head="cls.predictions.",
    )


def encoder(config: ModelConfig, kinds: int) -> Family:
    """The family of the encoder alone: it has no output, so config.json's settings of the output do not matter."""
    config = replace(config, tied=True, output_bias=False)
    return Family(EncoderModel, config, encoder_rules(config, kinds, ""), "bert.", ("cls.",), unused=UNUSED)


def encoder_rules(config: ModelConfig, kinds: int, ours: str) -> list[Rule]:
    """Embedding and layers; the names of our parameters begin with `ours`."""
    rules = embedding_rules(config, kinds, f"{ours}embedding")
    for i in range(config.n_layers):
        rules += block(f"bert.encoder.layer.{i}", f"{ours}blocks.{i}", config.d_model, config.d_ff)
    return rules


def model_config(settings: Settings) -> ModelConfig:
    """The config of the encoder and its output. Raises ValueError for settings that the course's models lack."""
    settings.ignore(WITHOUT_EFFECT)
    settings.must_be("hidden_act", "gelu", "the head computes GELU")
    settings.must_be("position_embedding_type", "absolute", "a position has one embedding")
    settings.must_be("is_decoder", False, "every token sees every other")
    d, h = settings.integer("hidden_size"), settings.integer("num_attention_heads")
    return ModelConfig(
        vocab_size=settings.integer("vocab_size"),
        n_layers=settings.integer("num_hidden_layers"),
        attention=GroupedConfig(d_model=d, n_heads=h, bias=True),
        d_ff=settings.integer("intermediate_size"),
        norm_eps=settings.number("layer_norm_eps", 1e-12),
        placement="post",
        positions="learned",
        max_length=settings.integer("max_position_embeddings"),
        tied=settings.flag("tie_word_embeddings", True),
        output_bias=True,
        embedding_norm=True,
    )


def embedding_rules(config: ModelConfig, kinds: int, ours: str) -> list[Rule]:
    """The embeddings of tokens, and of positions with that of the first kind of sentence added."""
    d, theirs = config.d_model, "bert.embeddings"
    added = {
        f"{theirs}.position_embeddings.weight": (config.max_length, d),
        f"{theirs}.token_type_embeddings.weight": (kinds, d),
    }
    return [
        copied(TABLE, (config.vocab_size, d), f"{ours}.W_E"),
        Rule(added, (f"{ours}.W_P",), lambda positions, kinds: (positions + kinds[0],)),
        *norm(f"{theirs}.LayerNorm", d, f"{ours}.norm", shift=True),
    ]


def head_rules(config: ModelConfig) -> list[Rule]:
    """The layers that predict the masked tokens."""
    d, theirs = config.d_model, "cls.predictions.transform"
    rules = [
        *with_bias(f"{theirs}.dense", (d, d), "head", "H"),
        *norm(f"{theirs}.LayerNorm", d, "head.norm", shift=True),
        copied(f"{DECODER}.bias", (config.vocab_size,), "head.unembedding.b_U"),
    ]
    if not config.tied:
        rules.append(linear(f"{DECODER}.weight", (config.vocab_size, d), "head.unembedding.W_U"))
    return rules


def block(theirs: str, ours: str, d: int, d_ff: int) -> list[Rule]:
    """One layer; its norms stand behind the sublayers."""
    a, f = f"{ours}.attention", f"{ours}.feed_forward"
    return [
        *with_bias(f"{theirs}.attention.self.query", (d, d), a, "Q"),
        *with_bias(f"{theirs}.attention.self.key", (d, d), a, "K"),
        *with_bias(f"{theirs}.attention.self.value", (d, d), a, "V"),
        *with_bias(f"{theirs}.attention.output.dense", (d, d), a, "O"),
        *norm(f"{theirs}.attention.output.LayerNorm", d, f"{ours}.around_attention.norm", shift=True),
        *with_bias(f"{theirs}.intermediate.dense", (d_ff, d), f, "1"),
        *with_bias(f"{theirs}.output.dense", (d, d_ff), f, "2"),
        *norm(f"{theirs}.output.LayerNorm", d, f"{ours}.around_feed_forward.norm", shift=True),
    ]


def with_bias(theirs: str, shape: tuple[int, int], ours: str, letter: str) -> list[Rule]:
    """W and b of a Linear (outputs, inputs)."""
    weight = linear(f"{theirs}.weight", shape, f"{ours}.W_{letter}")
    return [weight, copied(f"{theirs}.bias", shape[:1], f"{ours}.b_{letter}")]
