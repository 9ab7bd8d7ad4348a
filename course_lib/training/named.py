"""Train a model by the name of its plan (`course_lib.training.plans`) and save it for `models.shipped.load`."""

import json
from pathlib import Path

import torch

from course_lib.config import require
from course_lib.files import write_atomically
from course_lib.models import shipped
from course_lib.text.corpus import Corpus
from course_lib.training.distributed import choose_device
from course_lib.training.evaluation import Evaluation, evaluate
from course_lib.training.folder import RunFolder, machine
from course_lib.training.plans import PLANS, Plan, Prepared
from course_lib.training.trainer import Result, Watcher, train


def train_named(
    name: str,
    folder: str | Path,
    corpus: Corpus | None = None,
    device: str = "auto",
    watchers: tuple[Watcher, ...] | None = None,
) -> dict:
    """Train the plan called `name` in `folder`, on its own text or on `corpus`; save the model in FOLDER/model.

    A run that was stopped is resumed. Returns the card of the model: all that is known of it, ready for JSON. Raises
    ValueError for an unknown name, and what `train` raises.
    """
    require(name in PLANS, f"name must be one of {', '.join(PLANS)}, got {name!r}")
    choose_device(device)  # reports a wrong device before the text is read
    plan = PLANS[name]
    with torch.random.fork_rng([]):
        torch.manual_seed(plan.recipe.seed)
        prepared = plan.prepare(corpus)
    result = train(prepared.model, prepared.data, plan.recipe, folder, device, watchers)
    shipped.round_to_stored(prepared.model)
    sample = plan.sample(prepared.tokenizer, corpus)
    card = card_of(name, plan, prepared, result) | {"sample": evaluate(prepared.model, sample).as_dict()}
    to = Path(folder) / "model"
    shipped.save(to, prepared.model, prepared.tokenizer, card)
    write_atomically(to / "log.jsonl", RunFolder(folder).log.read_bytes())
    card = shipped.load(to).card
    write_atomically(to / "README.md", in_words(card).encode())
    return card


def card_of(name: str, plan: Plan, prepared: Prepared, result: Result) -> dict:
    """The card of a trained model, ready for JSON. Its losses are those of the weights as stored, in 16 bits."""
    return {
        "name": name,
        "summary": plan.summary,
        "command": f"python -m course_lib train {name}",
        "text": prepared.origin,
        "recipe": plan.recipe.as_dict(),
        "data": prepared.data.describe(),
        "validation": evaluate(prepared.model, prepared.data).as_dict(),
        **plan.examine(prepared),
        "training": {
            "tokens": result.tokens,
            "seconds": round(result.seconds, 1),
            "tokens_per_second": round(result.tokens_per_second),
            "resumed": result.resumed,
        },
        "machine": machine(),
    }


def in_words(card: dict) -> str:
    """The card of a model as Markdown, for readers."""
    training, loss = card["training"], Evaluation(**card["validation"])
    facts = {
        "Parameters": f"{card['model']['parameters']:,} in {card['model']['class']}, stored in 16 bits",
        "Text": text_in_words(card["text"]),
        "Validation": f"{loss}, on {loss.tokens:,} predicted tokens that were held out",
        "Training": f"{training['tokens']:,} tokens in {training['seconds']:,.0f} s "
        f"({training['tokens_per_second']:,} tokens per second) on {card['machine']['threads']} threads, "
        f"{resumed_in_words(training['resumed'])}",
        "Seed": str(card["recipe"]["seed"]),
        "Trained again by": f"`{card['command']}`",
    }
    if "exact_matches" in card:
        facts["Exact matches"] = f"{card['exact_matches']:.1%} of held-out numbers"
    rows = "\n".join(f"| {fact} | {value} |" for fact, value in facts.items())
    configs = json.dumps(card["model"]["configs"], indent=2)
    summary = card["summary"]
    return (
        f"# {card['name']}\n\n{summary[0].upper()}{summary[1:]}.\n\n| | |\n|---|---|\n{rows}\n\n"
        f"Its shape:\n```json\n{configs}\n```\nThe learning curve is log.jsonl, the whole record card.json.\n"
    )


def resumed_in_words(steps: list[int]) -> str:
    """Says at which steps a run was resumed, or that it was not interrupted."""
    return f"resumed at step {', '.join(f'{step:,}' for step in steps)}" if steps else "without interruption"


def text_in_words(text: dict) -> str:
    """One line with the name, size, SHA-256 and licence of a text."""
    known = text.get("fingerprint")
    size = f", {known['characters']:,} characters, sha256 {known['sha256'][:16]}" if known else ""
    return f"{text['corpus']}{size}; {text['licence']}"
