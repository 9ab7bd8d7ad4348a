"""Published checkpoints in Hugging Face's layout as models of the course.

    found = pretrained.load("folder/with/config.json")     # from the disk, without network
    found = pretrained.load("gpt2", hub=True)              # fetched by huggingface_hub, which must be installed
    found.model, found.tokenizer, found.card               # as `shipped.load` returns them

GPT-2, Llama, Mistral, Qwen2, Qwen3 (SmolLM is a Llama), the text models of Gemma 3, MiniCPM3, and DeepSeek-V2 and V3
with their mixtures of experts become a DecoderModel. BERT becomes a MaskedTokenModel if the file holds a tensor whose
name begins with `cls.predictions.` (RoBERTa: `lm_head.`), and an EncoderModel if it holds none. Encoders of sentences,
such as all-MiniLM-L6-v2, hold none. Their vector of a text is the mean of the rows `found.model(tokens)`, those of
[CLS] and [SEP] included, scaled to length 1.

Parameters are in float32, or in bfloat16 with `dtype=torch.bfloat16`, whatever the files hold.

Rotary positions may be scaled as `linear`, `dynamic`, `llama3`, `yarn` or `longrope`. Every key of config.json is used,
has no effect on the logits, or is refused by name; where keys contradict each other, transformers 5 decides. What the
course's models cannot compute exactly is refused by name too: partial rotation, other mixtures of experts,
other architectures.
"""

from course_lib.models.pretrained.loading import load

__all__ = ["load"]
