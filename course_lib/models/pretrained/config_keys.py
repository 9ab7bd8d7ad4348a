"""Keys of config.json that mean the same in all families."""

from course_lib.models.pretrained.settings import Settings

# key: (the one value that the course's models compute, why)
REFUSED = {
    "add_cross_attention": (False, "there is no encoder to attend to"),
    "is_encoder_decoder": (False, "there is one side"),
    "pruned_heads": ({}, "every layer has all its heads"),
    "use_mrope": (False, "a position is one number"),
}
# These keys do not change the logits: remarks, and settings of training, of the output's type, tokens and sampling.
REMARKS = """
    architectures auto_map dtype finetuning_task id2label is_llama_config label2id language model_max_length model_type
    name name_or_path num_labels problem_type task_specific_params tokenizer_class torch_dtype transformers.js_config
    transformers_version unsloth_fixed unsloth_version
"""
TRAINING = """
    attention_dropout gradient_checkpointing initializer_range tf_legacy_loss tie_encoder_decoder torchscript
    use_bfloat16
"""
FORM = """
    attn_implementation chunk_size_feed_forward experts_implementation output_attentions output_hidden_states
    output_past output_scores pretraining_tp return_dict return_dict_in_generate tie_last_hidden_states use_cache
    use_return_dict
"""
TOKENS = """
    bos_token_id cls_token_id decoder_start_token_id eos_token_id forced_bos_token_id forced_eos_token_id mask_token_id
    prefix sep_token_id unk_token_id
"""
SAMPLING = """
    assistant_confidence_threshold assistant_lookbehind bad_words_ids begin_suppress_tokens diversity_penalty do_sample
    early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty epsilon_cutoff eta_cutoff
    exponential_decay_length_penalty length_penalty max_length max_new_tokens min_length no_repeat_ngram_size
    num_assistant_tokens num_assistant_tokens_schedule num_beam_groups num_beams num_return_sequences
    remove_invalid_values repetition_penalty suppress_tokens target_lookbehind temperature top_k top_p typical_p
"""
WITHOUT_EFFECT = (REMARKS, TRAINING, FORM, TOKENS, SAMPLING)


def read_common(settings: Settings) -> None:
    """Note these keys. Raises ValueError for values that the course's models do not compute."""
    for key, (wanted, why) in REFUSED.items():
        settings.must_be(key, wanted, why)
    settings.ignore(*WITHOUT_EFFECT)
