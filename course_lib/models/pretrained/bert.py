"""BERT and RoBERTa, as encoders or with their masked-token head: Post-LN and learned positions.

Both also have an embedding of the kind of sentence. The course's models take one text, all of whose tokens are of the
first kind. Its embedding is added to every token, as a position's is, and therefore becomes a part of the positions.

RoBERTa's first position stands behind the number of the padding token, so that its table has rows that no token of a
text uses. They are left out. A padding token within a text would get one of them there; here its position counts on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

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


def no_rows(settings: Settings) -> int:
    """The first position is row 0 of the table."""
    settings.ignore("pad_token_id")
    return 0


def rows_of_padding(settings: Settings) -> int:
    """The first position is the row behind that of the padding token's number."""
    return settings.integer("pad_token_id", 1, least=0) + 1


@dataclass(frozen=True)
class Kind:
    """How the names and positions of one architecture differ from the other's."""

    encoder: str  # in front of the names of the encoder's tensors
    head: str  # in front of the names of the masked-token head's
    transform: str  # the head's first Linear
    norm: str  # its norm
    unused_rows: Callable[[Settings], int]  # at the beginning of the table of positions


KINDS = {
    "bert": Kind("bert.", "cls.predictions.", "transform.dense", "transform.LayerNorm", no_rows),
    "roberta": Kind("roberta.", "lm_head.", "dense", "layer_norm", rows_of_padding),
}
KINDS["xlm-roberta"] = KINDS["roberta"]


def family(settings: Settings) -> Family:
    """The family of a config.json with model_type bert, roberta or xlm-roberta."""
    kind = KINDS[settings.get("model_type")]
    skipped, kinds = kind.unused_rows(settings), settings.integer("type_vocab_size", 2)
    config = model_config(settings, skipped)
    # The output's bias has two names; without ties the first one has no effect.
    table, bias = f"{kind.encoder}embeddings.word_embeddings.weight", f"{kind.head}bias"
    ties = {f"{kind.head}decoder.weight": table, bias: f"{kind.head}decoder.bias"}
    # Early files also hold the position numbers, and BERT's an output that says if two sentences follow each other.
    pooled = rf"{kind.encoder}pooler\..*|cls\.seq_relationship\..*|{kind.encoder}embeddings\.position_ids"
    inside = embedding_rules(kind, config, kinds, skipped) + layer_rules(kind, config)
    whole = Family(
        MaskedTokenModel,
        config,
        [placed(rule, "encoder.") for rule in inside] + head_rules(kind, config),
        prefix=kind.encoder,
        heads=("cls.", "lm_head."),
        copies=ties if config.tied else {},
        unused=pooled if config.tied else f"{pooled}|{bias}",
        head=kind.head,
    )
    # The encoder alone has no output, so config.json's settings of the output do not matter.
    bare = replace(config, tied=True, output_bias=False)
    alone = replace(whole, model=EncoderModel, config=bare, rules=inside, copies={}, unused=pooled)
    return replace(whole, bare=alone)


def placed(rule: Rule, where: str) -> Rule:
    """The rule for a model that is a part of another, whose parameters have `where` in front of their names."""
    return replace(rule, targets=tuple(where + target for target in rule.targets))


def model_config(settings: Settings, skipped: int) -> ModelConfig:
    """The config of the encoder and its output. Raises ValueError for settings that the course's models lack.

    skipped: rows of the table of positions that no text uses.
    """
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
        max_length=settings.integer("max_position_embeddings", least=skipped + 1) - skipped,
        tied=settings.flag("tie_word_embeddings", True),
        output_bias=True,
        embedding_norm=True,
    )


def embedding_rules(kind: Kind, config: ModelConfig, kinds: int, skipped: int) -> list[Rule]:
    """The embeddings of tokens, and of positions with that of the first kind of sentence added."""
    d, theirs = config.d_model, f"{kind.encoder}embeddings"
    added = {
        f"{theirs}.position_embeddings.weight": (skipped + config.max_length, d),
        f"{theirs}.token_type_embeddings.weight": (kinds, d),
    }
    return [
        copied(f"{theirs}.word_embeddings.weight", (config.vocab_size, d), "embedding.W_E"),
        Rule(added, ("embedding.W_P",), lambda positions, kinds: (positions[skipped:].float() + kinds[0].float(),)),
        *norm(f"{theirs}.LayerNorm", d, "embedding.norm", shift=True),
    ]


def layer_rules(kind: Kind, config: ModelConfig) -> list[Rule]:
    """All layers; their norms stand behind the sublayers."""
    layers = ((f"{kind.encoder}encoder.layer.{i}", f"blocks.{i}") for i in range(config.n_layers))
    return [rule for theirs, ours in layers for rule in block(theirs, ours, config.d_model, config.d_ff)]


def block(theirs: str, ours: str, d: int, d_ff: int) -> list[Rule]:
    """One layer."""
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


def head_rules(kind: Kind, config: ModelConfig) -> list[Rule]:
    """The layers that predict the masked tokens."""
    d, theirs = config.d_model, kind.head
    rules = [
        *with_bias(theirs + kind.transform, (d, d), "head", "H"),
        *norm(theirs + kind.norm, d, "head.norm", shift=True),
        copied(f"{theirs}decoder.bias", (config.vocab_size,), "head.unembedding.b_U"),
    ]
    if not config.tied:
        rules.append(linear(f"{theirs}decoder.weight", (config.vocab_size, d), "head.unembedding.W_U"))
    return rules


def with_bias(theirs: str, shape: tuple[int, int], ours: str, letter: str) -> list[Rule]:
    """W and b of a Linear (outputs, inputs)."""
    weight = linear(f"{theirs}.weight", shape, f"{ours}.W_{letter}")
    return [weight, copied(f"{theirs}.bias", shape[:1], f"{ours}.b_{letter}")]
