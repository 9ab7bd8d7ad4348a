"""Published checkpoints in Hugging Face's layout as models of the course.

    found = pretrained.load("folder/with/config.json")     # from the disk, without network
    found = pretrained.load("gpt2", hub=True)              # fetched by huggingface_hub, which must be installed
    found.model, found.tokenizer, found.card               # as `shipped.load` returns them

GPT-2, Llama, Mistral, Qwen2, Qwen3 (SmolLM is a Llama), BERT with its masked-token head, and DeepSeek-V2 and V3 whose
layers are dense. What the course's models cannot compute exactly is refused by name.
"""

from course_lib.models.pretrained.loading import load

__all__ = ["load"]
